"""Writes an attestation or bundle with a changed verdict and the old signature: alter.py IN OUT."""
import base64, json, sys

with open(sys.argv[1]) as file:
    document = json.load(file)
envelope = document.get("dsseEnvelope", document)
statement = json.loads(base64.b64decode(envelope["payload"]))
assert statement["predicate"]["result"]["verdict"] == "contradicted"
statement["predicate"]["result"]["verdict"] = "proven"
envelope["payload"] = base64.b64encode(json.dumps(statement).encode()).decode()
with open(sys.argv[2], "w") as file:
    json.dump(document, file)
