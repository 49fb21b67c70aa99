# SPDX-License-Identifier: Apache-2.0
"""A local user whose calls want more memory than there is for it: memory_peer.py SOCKET SLOT; waits for a line amid it."""
import os
import struct
import sys
import threading
import time

from hostile_peer import CKR_OK, PATIENCE, TOKEN_INFO, call, connect, exchange, hello, open_slot

CKR_HOST_MEMORY = 2
LARGE = 12 * 1024 * 1024
CALLERS, TRIES = 6, 5


def answer(peer, data=None):
    reply = exchange(peer, call(TOKEN_INFO, data=data))
    if reply is None:
        raise AssertionError('the connection was closed instead of an answer')
    return reply.get(1, CKR_OK)


def expect_ok(peer):
    if answer(peer) != CKR_OK:
        raise AssertionError('a small call is refused')


def hold(own, slot):
    """Most of a large call: the host keeps room for the whole of it, for a while."""
    peer = open_slot(own, slot)
    peer.sendall(struct.pack('I', LARGE) + bytes(LARGE - 1024))
    return peer


def refused_while_held(own, slot, peer):
    """The one that holds the room, at the moment when a further call found none."""
    for _ in range(TRIES):  # on a slow machine what is held may be given up too early
        holder = hold(own, slot)
        if answer(peer, bytes(LARGE)) == CKR_HOST_MEMORY:
            return holder
        holder.close()
    raise AssertionError('no call is refused for want of memory')


def served_again(peer):
    deadline = time.monotonic() + PATIENCE
    while answer(peer, bytes(LARGE)) != CKR_OK:
        if time.monotonic() > deadline:
            raise AssertionError('what was held is not given back')


def call_at_once(own, slot):
    """Each large call is answered one way or the other, and the connections stay."""
    peers = [open_slot(own, slot) for _ in range(CALLERS)]
    answers = []
    threads = [threading.Thread(target=lambda peer=peer: answers.append(answer(peer, bytes(LARGE)))) for peer in peers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(answers) != CALLERS or set(answers) - {CKR_OK, CKR_HOST_MEMORY}:
        raise AssertionError(f'large calls are answered {answers}')
    for peer in peers:
        expect_ok(peer)
        peer.close()


def main():
    slot = int(sys.argv[2])
    os.setgid(65534)
    os.setuid(65534)
    with connect() as control:
        own = exchange(control, hello())[4]
        with open_slot(own, slot) as peer:
            holder = refused_while_held(own, slot, peer)
            expect_ok(peer)
            print('refused', flush=True)
            sys.stdin.readline()
            holder.close()
            served_again(peer)
        call_at_once(own, slot)
    print('done', flush=True)


main()
