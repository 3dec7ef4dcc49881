"""Verifies an attestation's envelope with securesystemslib and its statement with in-toto-attestation.

    envelope.py ATTESTATION PUBLIC-KEY.pem

Exit status 1 if either rejects it.
"""
import hashlib, json, sys

import in_toto_attestation.v1.statement_pb2 as statement_pb2
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key
from google.protobuf.json_format import Parse
from in_toto_attestation.v1.statement import Statement
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import SSlibKey

with open(sys.argv[1]) as file:
    envelope = Envelope.from_dict(json.load(file))
with open(sys.argv[2], "rb") as file:
    public = load_pem_public_key(file.read())
# Our key ids are the SHA-256 of SubjectPublicKeyInfo in DER.
der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
key = SSlibKey.from_crypto(public, hashlib.sha256(der).hexdigest(), "ecdsa-sha2-nistp256")
try:
    envelope.verify([key], 1)
except VerificationError as why:
    sys.exit(f"securesystemslib: {why}")
if envelope.payload_type != "application/vnd.in-toto+json":
    sys.exit(f"the payload is {envelope.payload_type}")
statement = Statement.copy_from_pb(Parse(envelope.payload, statement_pb2.Statement()))
try:
    statement.validate()
except ValueError as why:
    sys.exit(f"in-toto-attestation: {why}")
print(statement.pb.predicate_type, *(subject.name for subject in statement.pb.subject))
