# SPDX-License-Identifier: Apache-2.0
"""Searches the memory of a process for secrets: memory_scan.py PID FILE…, a line for each place of a file's bytes."""
import sys

REGION_MAX = 512 * 1024 * 1024  # what is larger is the shadow of a sanitizer
CHUNK = 1024 * 1024


def regions(pid):
    with open(f'/proc/{pid}/maps', encoding='utf-8') as maps:
        for line in maps:
            fields = line.split(maxsplit=5)
            first, last = (int(part, 16) for part in fields[0].split('-'))
            name = fields[5].strip() if len(fields) > 5 else 'anonymous'
            if fields[1].startswith('rw') and last - first <= REGION_MAX:
                yield first, last, name


def search(memory, first, last, secrets):
    overlap = max(len(value) for value in secrets.values()) - 1
    at = first
    while at < last:
        memory.seek(at)
        try:
            data = memory.read(min(CHUNK + overlap, last - at))
        except OSError:
            data = b''  # unmapped meanwhile
        for label, value in secrets.items():
            found = data.find(value)
            while found >= 0:
                if found < CHUNK:
                    yield label, at + found
                found = data.find(value, found + 1)
        at += CHUNK


def main():
    pid = int(sys.argv[1])
    secrets = {}
    for path in sys.argv[2:]:
        with open(path, 'rb') as file:
            secrets[path.rsplit('/', 1)[-1]] = file.read()
    searched = 0
    with open(f'/proc/{pid}/mem', 'rb', buffering=0) as memory:
        for first, last, name in regions(pid):
            searched += last - first
            for label, place in search(memory, first, last, secrets):
                print(f'{label} at {place:#x} in {name} +{place - first:#x}')
    if searched == 0:
        sys.exit(f'memory_scan.py: process {pid} has no memory to search')


main()
