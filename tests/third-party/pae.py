"""Splits an envelope for `openssl dgst`: pae.py ATTESTATION PAE-FILE SIGNATURE-FILE."""
import base64, json, sys

with open(sys.argv[1]) as file:
    envelope = json.load(file)
kind, payload = envelope["payloadType"].encode(), base64.b64decode(envelope["payload"])
with open(sys.argv[2], "wb") as file:
    file.write(b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload))
with open(sys.argv[3], "wb") as file:
    file.write(base64.b64decode(envelope["signatures"][0]["sig"]))
