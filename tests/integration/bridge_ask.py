# SPDX-License-Identifier: Apache-2.0
# Asks the bridge's control socket: one process for a whole test, because starting one takes longer than asking.
# A line in: seconds, operation and expression, separated by tabs. A line out: what the expression is, as soon as it is
# true or the seconds have passed.
import json
import socket
import sys
import time


def ask(path, operation):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        connection.connect(path)
        connection.sendall(json.dumps({"op": operation}).encode() + b"\n")
        return json.loads(connection.makefile().readline())


def evaluate(path, operation, expression):
    a = ask(path, operation)
    d = a["data"] or {}
    names = {
        "a": a,
        "d": d,
        "ca": {c["subject"].split(",")[0].removeprefix("CN="): c for c in d.get("cas", [])},
        "token": {t["label"]: t for t in d.get("tokens", [])},
        "json": json,
    }
    return eval(expression, names)


def answer(path, seconds, operation, expression):
    deadline = time.monotonic() + seconds
    while True:
        try:
            value = evaluate(path, operation, expression)
        except Exception as error:
            value = None
            text = "! %s" % error
        else:
            text = str(value)
        if value or time.monotonic() >= deadline:
            return text.replace("\n", " ")
        time.sleep(0.05)


if __name__ == "__main__":
    for line in sys.stdin:
        wait, question, code = line.rstrip("\n").split("\t")
        print(answer(sys.argv[1], float(wait), question, code), flush=True)
