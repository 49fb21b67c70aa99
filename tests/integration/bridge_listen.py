# SPDX-License-Identifier: Apache-2.0
# A line for each message on a channel, as PubNub has it: timetoken, type, siguuid ("-" when it is not said outside).
# Arguments: stand-in's directory, certificate of the CA.
import http.client
import sys

from bridge_platform import Platform


def poll(platform):
    try:
        reply = platform.call("GET", platform.poll_path(platform.cursor), timeout=60)
    except (OSError, ValueError, http.client.HTTPException):
        return []
    platform.cursor = reply["t"]["t"]
    return reply["m"]


def line(message):
    payload = message["d"] if isinstance(message["d"], dict) else {}
    words = [str(payload.get(name) or "-").replace(" ", "_") for name in ("type", "siguuid")]
    return " ".join([message["p"]["t"], *words])


if __name__ == "__main__":
    channel = Platform(*sys.argv[1:])
    print("ready", flush=True)
    while True:
        for heard in poll(channel):
            print(line(heard), flush=True)
