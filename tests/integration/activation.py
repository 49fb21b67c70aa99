# SPDX-License-Identifier: Apache-2.0
"""activation.py SOCKET AGENT CONFIGURATION LOG: holds the socket as systemd does; a line "start" starts an agent behind it
and prints "ready" when the agent says so, a line "stop" ends it and prints "stopped"."""
import os
import signal
import socket
import subprocess
import sys

PATH, AGENT, CONFIGURATION, LOG = sys.argv[1:]
FIRST_FD = 3
SHELL = 'export LISTEN_PID=$$; exec "$0" -c "$1"'


def start(listener, log):
    """The new agent once it is ready: on its word, not on a guess."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(f"\0iothsm-activation-{os.getpid()}")
        notify.settimeout(60)
        environment = dict(os.environ, LISTEN_FDS="1", NOTIFY_SOCKET=f"@iothsm-activation-{os.getpid()}")
        agent = subprocess.Popen(["/bin/sh", "-c", SHELL, AGENT, CONFIGURATION], env=environment, stderr=log,
                                 pass_fds=[listener])
        said = notify.recv(4096)
    if said != b"READY=1":
        sys.exit(f"the agent said {said!r}")
    print(f"ready {agent.pid}", flush=True)
    return agent


def stop(agent):
    agent.send_signal(signal.SIGTERM)
    if agent.wait(60) != 0:
        sys.exit(f"the agent ended with {agent.returncode}")
    print("stopped", flush=True)


def main():
    with socket.socket(socket.AF_UNIX) as made, open(LOG, "ab") as log:
        made.bind(PATH)
        os.chmod(PATH, 0o660)
        made.listen(128)
        os.dup2(made.fileno(), FIRST_FD)
        agent = None
        for line in sys.stdin:
            agent = start(FIRST_FD, log) if line.strip() == "start" else stop(agent)


main()
