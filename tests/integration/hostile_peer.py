# SPDX-License-Identifier: Apache-2.0
"""A local user who wants to harm: hostile_peer.py SOCKET SLOT, all attacks one after the other as nobody; says what went wrong."""
import os
import random
import select
import socket
import struct
import sys
import time

HELLO, TOKEN_INFO, OPEN_SESSION, LOGIN, SIGN = 1, 30, 34, 38, 84
CKR_OK, CKR_PIN_INCORRECT, CKR_PIN_LOCKED = 0, 0xA0, 0xA4
ABI = b'ulong8-le' if struct.calcsize('l') == 8 else b'ulong4-le'
FRAME_MAX = 16 * 1024 * 1024
PATIENCE = 25  # seconds, for what the agent has to do by itself
CONNECTIONS, HELD = 10000, 200


def varint(value):
    out = b''
    while value > 0x7f:
        out += bytes([value & 0x7f | 0x80])
        value >>= 7
    return out + bytes([value])


def call(function, handle=0, number=0, data=None, data2=None, oldest=0):
    out = b''
    for tag, value in ((1, function), (2, handle), (3, oldest), (5, number)):
        if value:
            out += varint(tag << 3) + varint(value)
    for tag, value in ((10, data), (11, data2)):
        if value is not None:
            out += varint(tag << 3 | 2) + varint(len(value)) + value
    return struct.pack('I', len(out)) + out


def hello(data=None, slot=0, oldest=1, newest=1, abi=ABI):
    return call(HELLO, handle=slot, number=newest, data=data, data2=abi, oldest=oldest)


def connect():
    peer = socket.socket(socket.AF_UNIX)
    peer.connect(sys.argv[1])  # without a timeout a full queue is waited for
    peer.settimeout(PATIENCE)
    return peer


def receive(peer, count):
    got = b''
    while len(got) < count:
        part = peer.recv(count - len(got))
        if not part:
            return None
        got += part
    return got


def fields(payload):
    found, at = {}, 0

    def number():
        nonlocal at
        value, shift = 0, 0
        while True:
            byte = payload[at]
            at += 1
            value |= (byte & 0x7f) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(payload):
        key = number()
        if key & 7 == 0:
            found[key >> 3] = number()
        else:
            length = number()
            found[key >> 3] = payload[at:at + length]
            at += length
    return found


def exchange(peer, frame):
    """The reply's fields; None when the connection was closed instead."""
    try:
        peer.sendall(frame)
        header = receive(peer, 4)
        payload = receive(peer, struct.unpack('I', header)[0]) if header else None
    except (BrokenPipeError, ConnectionResetError):
        return None
    return None if payload is None else fields(payload)


def is_closed(peer):
    """Waits for the agent to close; a timeout raises."""
    try:
        while peer.recv(4096):
            pass
    except (BrokenPipeError, ConnectionResetError):
        pass
    return True


def refused(frame):
    with connect() as peer:
        reply = exchange(peer, frame)
        return reply is None or reply.get(1, 0) != CKR_OK


def open_slot(client_id, slot):
    peer = connect()
    reply = exchange(peer, hello(client_id, slot))
    if reply is None or reply.get(1, 0) != CKR_OK:
        raise AssertionError(f'a sound HELLO is refused: {reply}')
    return peer


def send_and_close(frame):
    with connect() as peer:
        try:
            peer.sendall(frame)
            peer.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, ConnectionResetError):
            pass
        is_closed(peer)


def flood_of_connections():
    held = []
    for _ in range(CONNECTIONS):
        held.append(connect())
        if len(held) > HELD + 100:
            held.pop(0).close()
    # Those above the limit were closed, none was left without an end.
    for peer in held:
        is_closed(peer)
        peer.close()


def flood_of_garbage():
    chance = random.Random(1)
    for _ in range(1000):
        length = chance.choice((0, 1, 40, 4096, 4097, FRAME_MAX + 1, 0xffffffff))
        send_and_close(struct.pack('I', length) + chance.randbytes(min(length, 64)))


def half_and_slow_hellos():
    half = [connect() for _ in range(HELD)]
    for peer in half:
        peer.sendall(hello()[:3])
    slow = connect()
    began = time.monotonic()
    try:
        for byte in hello() + bytes(64):  # longer than any HELLO is waited for
            slow.sendall(bytes([byte]))
            time.sleep(1)
            if time.monotonic() - began > PATIENCE:
                raise AssertionError('a HELLO of one byte a second is still waited for')
    except (BrokenPipeError, ConnectionResetError):
        pass
    for peer in half:
        is_closed(peer)
        peer.close()


def wrong_hellos(foreign, own, slot):
    for what, frame in (
            ('another ABI', hello(abi=b'ulong2-le')),
            ('no ABI', hello(abi=None)),
            ('another version', hello(oldest=98, newest=99)),
            ('an id of another length', hello(own[:5], slot)),
            ('an id that nobody has', hello(bytes(range(16)), slot)),
            ('the id of another user', hello(foreign, slot)),
            ('a slot that is none', hello(own, 1 << 40)),
            ('a call before HELLO', call(SIGN, handle=1, data=b'x')),
            ('no frame but text', b'GET / HTTP/1.1\r\n\r\n')):
        if not refused(frame):
            raise AssertionError(f'{what} is taken')


def attacks_on_the_host(own, slot):
    for frame in (struct.pack('I', FRAME_MAX + 1), struct.pack('I', 0xffffffff), struct.pack('I', 8) + b'\xff' * 8,
                  hello(own, slot) + b'\xff'):
        with open_slot(own, slot) as peer:
            peer.sendall(frame)
            is_closed(peer)


def half_frames(own, slot):
    half = [open_slot(own, slot) for _ in range(8)]
    for index, peer in enumerate(half):
        peer.sendall((struct.pack('I', 1000) + b'half')[:index + 1])
    return half


def deaf(own, slot):
    """Calls without end, and no reply is read; given back open."""
    peer = open_slot(own, slot)
    peer.settimeout(2)
    try:
        while True:
            peer.sendall(call(TOKEN_INFO))
    except (TimeoutError, BrokenPipeError, ConnectionResetError):
        pass
    return peer


def is_hung_up(peer):
    """Waits for the agent to close, without reading."""
    hung_up = select.poll()
    hung_up.register(peer, 0)
    if not hung_up.poll(PATIENCE * 1000):
        raise AssertionError('a peer that reads nothing holds its thread for ever')


def guess_pins(own, slot):
    answers = []
    with open_slot(own, slot) as peer:
        exchange(peer, call(OPEN_SESSION, handle=1, number=4))
        for guess in range(5):
            answers.append(exchange(peer, call(LOGIN, handle=1, number=1, data=b'%06d' % guess)).get(1, 0))
    if answers != [CKR_PIN_INCORRECT] * 3 + [CKR_PIN_LOCKED] * 2:
        raise AssertionError(f'guessed PINs are answered {[hex(answer) for answer in answers]}')


def main():
    slot = int(sys.argv[2])
    with connect() as somebody:
        foreign = exchange(somebody, hello())[4]
        os.setgid(65534)
        os.setuid(65534)
        with connect() as control:
            own = exchange(control, hello())[4]
            wrong_hellos(foreign, own, slot)
            half = half_frames(own, slot)
            with deaf(own, slot) as peer:
                attacks_on_the_host(own, slot)
                guess_pins(own, slot)
                is_hung_up(peer)
            flood_of_garbage()
            half_and_slow_hellos()
            flood_of_connections()
            for peer in half:
                is_closed(peer)
                peer.close()
    print('done')


if __name__ == '__main__':
    main()
