"""CHL and QRY: the server's challenge to prove a genuine client program, and the answer.

Sources: hypothetic.org (MSNP6), MSNPiki MSNP11:Challenges.
"""

from __future__ import annotations

import struct

from .dialects import QueryRule

__all__ = ["answer"]

_MODULUS = 0x7FFFFFFF
_FACTOR = 0x0E79A9C1


def answer(rule: QueryRule, challenge: str, product_id: str, product_key: str) -> bytes | None:
    """Return the payload of QRY, 32 hex digits; None under a dialect that has no CHL."""
    if rule is QueryRule.NONE:
        return None
    import hashlib  # not needed during the sign-in: CHL comes only after it

    digest = hashlib.md5(_bytes(challenge + product_key), usedforsecurity=False).digest()
    if rule is QueryRule.MD5:
        return digest.hex().encode()
    return _msnp11(digest, challenge + product_id)


def _msnp11(digest: bytes, text: str) -> bytes:
    words = struct.unpack("<4I", digest)
    key = [word & _MODULUS for word in words]
    data = _bytes(text)
    # Clients differ when the length is already a multiple of 8; libpurple, which used the real
    # service for the longest time, adds nothing then.
    data += b"0" * (-len(data) % 8)
    numbers = struct.unpack(f"<{len(data) // 4}I", data)
    high = low = 0
    for first, second in zip(numbers[::2], numbers[1::2], strict=True):
        step = (_FACTOR * first % _MODULUS + high) * key[0] + key[1]
        step %= _MODULUS
        high = ((second + step) % _MODULUS * key[2] + key[3]) % _MODULUS
        low += high + step
    high = (high + key[1]) % _MODULUS
    low = (low + key[3]) % _MODULUS
    mixed = (words[0] ^ high, words[1] ^ low, words[2] ^ high, words[3] ^ low)
    return struct.pack("<4I", *mixed).hex().encode()


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


PRODUCTS = {
    "msmsgs@msnmsgr.com": "Q1P7W2E4J9R8U3S5",
    "PROD0038W!61ZTF9": "VT6PX?UQTM4WM%YR",
    "PROD0058#7IL2{QD": "QHDCY@7R1TB6W?5B",
    "PROD0061VRRZH@4F": "JXQ6J@TUOGYV@N0M",
    "PROD00504RLUG%WL": "I2EBK%PYNLZL5_J4",
    "PROD0076ENE8*@AW": "CEQJ8}OE0!WTSWII",
    "PROD0090YUAUV{2B": "YMM8C_H7KCQ2S_KL",
    "PROD00974#MT*RC2": "LMCVO*18PQJ3H!K3",
    "PROD0101{0RM?UBW": "CFHUR$52U_{VIX5T",
    "PROD0104U6VVM{UJ": "VK67B}379XYM5}$T",
    "PROD01065C%ZFN6F": "O4BG@C7BWLYQX?5G",
    "PROD0112J1LW7%NB": "RH96F{PHI8PPX_TJ",
    "PROD0113H11T8$X_": "RG@XY*28Q5QHS%Q5",
    "PROD0114ES4Z%Q5W": "PK}_A_0N_K%O?A9S",
    "PROD0118R6%2WYOS": "YIXPX@5I2P0UT*LK",
    "PROD0119GSJUC$18": "ILTXC!4IXB5FB*PX",
    "PROD0120PW!CCV9@": "C1BX{V4W}Q3*10SM",
}
"""Keys of the known clients by product id (ywiki challenge_keypairs)."""
