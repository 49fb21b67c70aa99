# SPDX-License-Identifier: Apache-2.0
# Reads metrics as strictly as Prometheus' text format 0.0.4 allows, and checks values.
# Arguments: file, and conditions NAME{LABEL="VALUE",…}=NUMBER or >=NUMBER; all series that have these labels must fulfil it.
import re
import sys

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"'
SAMPLE = re.compile(r"(%s)(?:\{(%s(?:,%s)*)\})? (-?[0-9]+(?:\.[0-9]+)?)" % (NAME, LABEL, LABEL))
TYPES = ("counter", "gauge", "histogram")


def check(condition, text):
    if not condition:
        sys.exit("FAILED: %s" % text)


def labels_of(text):
    return dict(re.findall(LABEL, text or ""))


def family_of(name, types):
    for suffix in ("_bucket", "_sum", "_count"):
        base = name.removesuffix(suffix)
        if name.endswith(suffix) and types.get(base) == "histogram":
            return base
    return name


def read(path):
    """All samples; a family's lines must stand together, after its HELP and TYPE."""
    helps, types, samples, current = set(), {}, [], None
    with open(path, newline="") as file:
        text = file.read()
    check(text.endswith("\n") and "\r" not in text, "the last line has no end")
    for line in text.split("\n")[:-1]:
        comment = re.fullmatch(r"# (HELP|TYPE) (%s) (.+)" % NAME, line)
        if comment and comment[1] == "HELP":
            check(comment[2] not in helps, "two HELP lines: %s" % line)
            helps.add(comment[2])
            current = comment[2]
        elif comment:
            check(comment[2] == current and comment[2] not in types and comment[3] in TYPES, "wrong TYPE: %s" % line)
            types[comment[2]] = comment[3]
        else:
            sample = SAMPLE.fullmatch(line)
            check(sample, "no sample: %s" % line)
            check(family_of(sample[1], types) == current in types, "a sample outside its family: %s" % line)
            samples.append((sample[1], labels_of(sample[2]), float(sample[7])))
    check(helps == set(types), "HELP without TYPE: %s" % (helps ^ set(types)))
    keys = [(name, tuple(sorted(labels.items()))) for name, labels, _ in samples]
    check(len(keys) == len(set(keys)), "a series comes twice")
    for name, kind in types.items():
        check(kind != "counter" or name.endswith("_total"), "a counter is not called so: %s" % name)
        if kind == "histogram":
            check_histogram(name, samples)
    return samples


def check_histogram(name, samples):
    kinds = {labels["kind"] for sample, labels, _ in samples if sample == name + "_count"}
    for kind in kinds:
        buckets = [(labels["le"], value) for sample, labels, value in samples
                   if sample == name + "_bucket" and labels["kind"] == kind]
        counts = [value for _, value in buckets]
        total = [value for sample, labels, value in samples if sample == name + "_count" and labels["kind"] == kind]
        check(buckets[-1][0] == "+Inf" and counts == sorted(counts) and [counts[-1]] == total, "buckets of %s" % name)
        check([float(le) for le, _ in buckets] == sorted(float(le) for le, _ in buckets), "limits of %s" % name)


def fulfil(samples, condition):
    match = re.fullmatch(r"(%s)(?:\{(.*)\})?(>?=)(-?[0-9.]+)" % NAME, condition)
    wanted = labels_of(match[2])
    values = [value for name, labels, value in samples if name == match[1] and wanted.items() <= labels.items()]
    check(values, "no series for %s" % condition)
    for value in values:
        good = value == float(match[4]) if match[3] == "=" else value >= float(match[4])
        check(good, "%s is %s" % (condition, value))


found = read(sys.argv[1])
for wish in sys.argv[2:]:
    fulfil(found, wish)
