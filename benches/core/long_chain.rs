//! A chain that spans a century and whose digests are generated on demand.
use super::*;

/// An hourly chain. Any of its digests can be generated from the hash of the one before it.
pub(super) struct LongChain {
    begin: Timestamp,
    chain: ChainKey,
    key: PublicKey,
    signature: String,
    hashes: Vec<Hash>,
}

impl LongChain {
    pub(super) fn new(count: u32) -> Self {
        let key = "AWSLogs/123456789012/CloudTrail-Digest/us-east-1/2026/03/01/123456789012_\
                   CloudTrail-Digest_us-east-1_trail_us-east-1_20260301T000000Z.json.gz";
        let Some(key) = DigestKey::parse(key) else { unreachable!("it is a digest's") };
        let hours = i64::from(count) * HOUR;
        let signer = Signer::pool(0);
        let mut chain = Self {
            begin: key.end.plus(-hours),
            chain: key.chain,
            key: PublicKey::new(fingerprint(&signer.pkcs1), &signer.pkcs1),
            signature: String::new(),
            hashes: Vec::new(),
        };
        for number in 1..=count {
            let document = chain.document(number);
            chain.hashes.push(Sha256::digest(document).into());
        }
        if let Ok(claim) = chain.read(count).claim {
            let text = claim.string_to_sign();
            chain.signature = hex::encode(signer.sign(text.as_bytes(), SignWith::Fast));
        }
        chain
    }

    fn end(&self, number: u32) -> Timestamp {
        self.begin.plus(i64::from(number) * HOUR)
    }

    fn place(&self, number: u32) -> ObjectLocation {
        let key = self.chain.digest_key(self.end(number), DigestKind::Standard);
        ObjectLocation::new("bucket", key)
    }

    /// Returns the digest with this number, counted from 1.
    fn document(&self, number: u32) -> String {
        let before = usize::try_from(number).ok().and_then(|at| at.checked_sub(2));
        let previous = match before.and_then(|at| self.hashes.get(at)) {
            Some(hash) => format!(
                "\"previousDigestS3Bucket\":\"bucket\",\"previousDigestS3Object\":\"{}\",\
                 \"previousDigestHashValue\":\"{}\"",
                self.place(number - 1).key,
                hex::encode(hash)
            ),
            None => "\"previousDigestS3Bucket\":null,\"previousDigestS3Object\":null".to_owned(),
        };
        format!(
            "{{\"digestStartTime\":\"{}\",\"digestEndTime\":\"{}\",\"digestS3Bucket\":\"bucket\",\
             \"digestS3Object\":\"{}\",\"digestPublicKeyFingerprint\":\"{}\",\
             \"previousDigestSignature\":null,{previous},\"logFiles\":[]}}",
            self.end(number - 1),
            self.end(number),
            self.place(number).key,
            self.key.fingerprint(),
        )
    }

    fn read(&self, number: u32) -> DigestRead {
        let document = self.document(number).into_bytes();
        let hash = usize::try_from(number).ok().and_then(|at| self.hashes.get(at.checked_sub(1)?));
        let stored = length(document.len());
        let content = Content {
            hash: hash.copied().unwrap_or_default(),
            form: Form::Gzip,
            stored,
            inflated: stored,
            joined: Joined::No,
        };
        let newest = usize::try_from(number).is_ok_and(|at| at == self.hashes.len());
        DigestRead {
            claim: DigestClaim::parse(&content, &document),
            content,
            signature: newest.then(|| self.signature.clone()),
            signature_algorithm: None,
            backfill_generated: None,
        }
    }

    /// Walks the whole chain and returns the number of digests that were proven.
    pub(super) fn walk(&self) -> u32 {
        let count = u32::try_from(self.hashes.len()).unwrap_or(u32::MAX);
        let period = Period { start: self.begin, end: self.end(count) };
        let listed = |number| ListedDigest { end: self.end(number), at: self.place(number) };
        let mut walk = ChainWalk::new(period, (1..=count).map(listed).collect());
        let mut ring = KeyRing::default();
        ring.add(self.key.clone());
        let (mut next, mut proven) = (count, 0);
        loop {
            let fact = match walk.need() {
                Need::Nothing => return proven,
                Need::Older(_) => Fact::Older(false),
                Need::Keys { .. } | Need::KeysSince(_) => Fact::Keys(ring.clone()),
                Need::Digest(_) => Fact::Read(Box::new(self.read(next))),
            };
            for step in walk.feed(fact) {
                proven += u32::from(matches!(step.outcome, Outcome::Valid(_)));
                next = next.saturating_sub(1);
            }
        }
    }
}
