# SPDX-License-Identifier: Apache-2.0
# Writes a PIN file as an IoT-HSM appliance does: migrate_pins.py MACHINE-ID < JSON > HEX.
# Python's own library has no AES-GCM, so libcrypto's is called.
import ctypes
import hashlib
import os
import sys

GET_TAG = 0x10
SET_IV_LEN = 0x9


def encrypt(key, iv, plain):
    lib = ctypes.CDLL("libcrypto.so.3")
    lib.EVP_CIPHER_CTX_new.restype = ctypes.c_void_p
    lib.EVP_aes_256_gcm.restype = ctypes.c_void_p
    ctx = ctypes.c_void_p(lib.EVP_CIPHER_CTX_new())
    out = ctypes.create_string_buffer(len(plain))
    tag = ctypes.create_string_buffer(16)
    size = ctypes.c_int()
    calls = (
        lambda: lib.EVP_EncryptInit_ex(ctx, ctypes.c_void_p(lib.EVP_aes_256_gcm()), None, None, None),
        lambda: lib.EVP_CIPHER_CTX_ctrl(ctx, SET_IV_LEN, len(iv), None),
        lambda: lib.EVP_EncryptInit_ex(ctx, None, None, key, iv),
        lambda: lib.EVP_EncryptUpdate(ctx, out, ctypes.byref(size), plain, len(plain)),
        lambda: lib.EVP_EncryptFinal_ex(ctx, ctypes.byref(ctypes.create_string_buffer(16)), ctypes.byref(size)),
        lambda: lib.EVP_CIPHER_CTX_ctrl(ctx, GET_TAG, 16, tag),
    )
    if any(call() != 1 for call in calls):
        sys.exit("libcrypto refuses")
    lib.EVP_CIPHER_CTX_free(ctx)
    return tag.raw + out.raw


def main(machine):
    salt, iv = os.urandom(64), os.urandom(16)
    key = hashlib.pbkdf2_hmac("sha512", machine.encode(), salt, 100000, 32)
    print((salt + iv + encrypt(key, iv, sys.stdin.buffer.read())).hex(), end="")


main(sys.argv[1])
