# SPDX-License-Identifier: Apache-2.0
# Garbage for a channel, and the judgement of a soak test: by the drivers' counts, by what the channels heard, by the
# bridge's journal and by the token host's record.
# Arguments: garbage DIRECTORY CA SEED | judge WORK
import collections
import glob
import json
import os
import random
import re
import sys
import uuid

from bridge_journal import of_event, records
from bridge_platform import Failure, Platform, check

INTERRUPTED = "interrupted"


def junk(chance, depth=0):
    kind = chance.randrange(7 if depth < 6 else 5)
    if kind == 5:
        return [junk(chance, depth + 1) for _ in range(chance.randrange(4))]
    if kind == 6:
        return {chance.choice(("type", "smime", "uuid", "x")): junk(chance, depth + 1) for _ in range(3)}
    return (None, chance.random() * 1e9, chance.random() < 0.5, "".join(map(chr, chance.choices(range(1, 0x2000), k=40))),
            -chance.randrange(1 << 40))[kind]


def garbage(directory, ca, seed):
    """Values of any shape, letters without an envelope, and genuine envelopes of nonsense."""
    chance = random.Random(int(seed))
    platform = Platform(directory, ca)
    for _ in range(10):
        platform.inject(junk(chance))
        platform.inject({"type": chance.choice(("solicit signature", "signature request", "services offerred")),
                         "uuid": None, "ttl": junk(chance), "siguuid": str(uuid.uuid4()),
                         "smime": "".join(map(chr, chance.choices(range(1, 127), k=chance.randrange(3000))))})
    platform.inject(dict(platform.solicit("x"), smime=platform.sign(json.dumps(junk(chance)).encode())))


def driven(work):
    """Jobs, answered and right ones, by the drivers."""
    totals = [0, 0, 0]
    for name in sorted(glob.glob(os.path.join(work, "load.*"))):
        with open(name) as file:
            text = file.read()
        found = re.search(r"jobs (\d+) answered (\d+) lost (\d+) verified (\d+)", text)
        check(found, "a driver does not report: %s" % text)
        numbers = list(map(int, found.groups()))
        check(numbers[0] == numbers[1], "jobs without an answer: %s" % text)
        totals = [total + numbers[i] for total, i in zip(totals, (0, 1, 3))]
    return totals


def heard(work):
    """How often each siguuid was asked for and was answered."""
    asked, answered = collections.Counter(), collections.Counter()
    for name in glob.glob(os.path.join(work, "heard.*")):
        with open(name) as file:
            for line in file.read().splitlines()[1:]:
                _, kind, siguuid = line.split()
                asked[siguuid] += kind == "signature_request"
                answered[siguuid] += kind == "signature_response"
    return asked, +answered


def signed(work):
    """The different inputs that the CA keys signed, by the token host."""
    inputs = set()
    for name in glob.glob(os.path.join(work, "state", "audit", "**", "*.jsonl"), recursive=True):
        with open(name) as file:
            inputs.update(record["input"] for record in map(json.loads, file) if record["event"] == "sign")
    return inputs


def log_counts(work):
    with open(os.path.join(work, "bridge.log")) as file:
        text = file.read()
    return text.count("channel: S/MIME certificate issued"), text.count("bridge: started")


def judge_journal(found, answers, starts):
    """Once accepted, once answered, heard at least once: the good answers and the interrupted ones."""
    accepted, answered, forgotten = (of_event(found, name) for name in ("accepted", "answered", "forgotten"))
    asked, times = answers
    for siguuid in accepted:
        dropped = len(forgotten[siguuid])
        check(len(accepted[siguuid]) - dropped in (0, 1), "%s was accepted twice" % siguuid)
        check(len(answered[siguuid]) == len(accepted[siguuid]) - dropped, "%s was not answered once" % siguuid)
        if answered[siguuid]:
            # Published again after a start, and where the reply to a publication was lost.
            check(1 <= times[siguuid] <= 2 * (max(asked[siguuid], 1) + starts - 1),
                  "%s was asked %d times and heard %d times" % (siguuid, asked[siguuid], times[siguuid]))
    check(not set(times) - set(accepted), "an answer is in no journal")
    all_answers = [kept[0] for kept in answered.values() if kept]
    good = [record for record in all_answers if record["success"]]
    failed = [record for record in all_answers if not record["success"]]
    others = [record["answer"] for record in failed if not record["answer"].startswith(INTERRUPTED)]
    check(not others, "a job failed for another reason: %s" % others[:3])
    serials = [record["serial"] for record in good]
    check("" not in serials and len(set(serials)) == len(serials), "a serial number is missing or came twice")
    return len(good), len(failed)


def judge(work):
    jobs, answered, right = driven(work)
    answers = heard(work)
    ephemeral, starts = log_counts(work)
    found = records(os.path.join(work, "bridge-state", "journal"))
    good, interrupted = judge_journal(found, answers, starts)
    inputs = len(signed(work))
    print("jobs %d, answered %d, of these right %d" % (jobs, answered, right))
    print("journal: %d records, its chain whole; %d certificates, %d interrupted, no serial number twice" %
          (len(found), good, interrupted))
    print("heard: %d answers to %d jobs, %d requests" %
          (sum(answers[1].values()), len(answers[1]), sum(answers[0].values())))
    print("token host: %d different inputs signed; %d channel certificates, %d starts of the bridge" %
          (inputs, ephemeral, starts))
    check(good + interrupted == len(answers[1]), "journal and channel disagree")
    check(right <= good and answered - right <= interrupted, "the drivers and the journal disagree")
    # A crash between signature and log line hides a channel certificate of each CA.
    check(good + ephemeral <= inputs <= good + interrupted + ephemeral + 2 * (starts - 1),
          "something was signed twice, or is in no record")


COMMANDS = {"garbage": garbage, "judge": judge}

if __name__ == "__main__":
    try:
        COMMANDS[sys.argv[1]](*sys.argv[2:])
    except Failure as failure:
        sys.exit("FAILED: %s" % failure)
