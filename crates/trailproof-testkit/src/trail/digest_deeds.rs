//! Deeds that change, delete or re-sign digests.
use super::built::{BuiltTrail, DigestKind, Oddity};
use super::commit;
use super::deed::{Deed, DigestAt, NoSuchTarget};
use super::digest_json::string_to_sign;
use super::gzip;
use super::location::day_folder;
use super::signer::{Signer, fingerprint};
use super::spec::SignWith;
use crate::world::Version;
use bytes::Bytes;

/// What a bomb inflates to, in bytes.
pub(super) const BOMB: usize = 1 << 30;
const DEPTH: usize = 100_000;

impl BuiltTrail {
    pub(super) fn apply_to_digest(&mut self, deed: Deed) -> Result<(), NoSuchTarget> {
        match deed {
            Deed::DigestDeleted(at) => self.delete_range(at.chain, at.index, at.index + 1),
            Deed::DigestByteFlipped(at) => self.rewrite(at, |json| {
                // A digit of the first log file's hash, or of the start time if there is none: the
                // JSON, its fields and its location stay valid.
                let text = std::str::from_utf8(json).ok()?;
                let (field, digits) = [("\"hashValue\":\"", 63), ("\"digestStartTime\":\"", 18)]
                    .into_iter()
                    .find(|(field, _)| text.contains(field))?;
                let at = text.find(field)? + field.len() + digits;
                let mut flipped = json.to_vec();
                let digit = flipped.get_mut(at)?;
                *digit = if *digit == b'0' { b'1' } else { b'0' };
                Some(gzip::member(&flipped))
            }),
            Deed::DigestForged(at) => self.forge(at, false),
            Deed::DigestForgedKnownFingerprint(at) => self.forge(at, true),
            Deed::DigestNotGzip(at) => self.rewrite(at, |_| Some(b"this is not gzip\n".to_vec())),
            Deed::DigestNotJson(at) => self.rewrite(at, |json| {
                let half = json.get(..json.len() / 2)?;
                Some(gzip::member(half))
            }),
            Deed::DigestTruncatedGzip(at) => self.rebody(at, |body| {
                let half = body.len() / 2;
                Some(body.get(..half)?.to_vec())
            }),
            Deed::DigestTrailingData(at) => self.rebody(at, |body| Some([body, b"more"].concat())),
            Deed::DigestSecondMember(at) => {
                self.rebody(at, |body| Some([body, &*gzip::member(b"{\"logFiles\":[]}")].concat()))
            }
            Deed::DigestInSeveralMembers(at) => self.rewrite(at, |json| Some(gzip::members(json))),
            Deed::DigestMetadataMissing(at) => self.change(at, |version| {
                version.metadata.clear();
                Some(())
            }),
            Deed::DigestSignatureOddHex(at) => self.resign(at, |signature| {
                signature.pop();
            }),
            Deed::DigestSignatureNonHex(at) => self.resign(at, |signature| {
                signature.replace_range(.., "this is not hexadecimal");
            }),
            Deed::DigestSignatureFlipped(at) => self.resign(at, |signature| {
                let flipped = if signature.pop() == Some('0') { '1' } else { '0' };
                signature.push(flipped);
            }),
            Deed::DigestStoredInflated(at) => {
                self.rewrite(at, |json| Some(json.to_vec()))?;
                self.change(at, |version| {
                    version.content_encoding = None;
                    Some(())
                })
            }
            Deed::DigestArchived(at) => self.change(at, |version| {
                version.storage_class = "GLACIER".to_owned();
                Some(())
            }),
            Deed::BackfillTimestampMissing(at) => self.change(at, |version| {
                version.metadata.remove("backfill-generation-timestamp").map(drop)
            }),
            Deed::DigestBomb(at) => self.rewrite(at, |_| Some(gzip::bomb(BOMB))),
            Deed::DeepJsonDigest(at) => self.rewrite(at, |json| {
                let text = String::from_utf8_lossy(json).into_owned();
                let (head, _) = text.split_once("\"logFiles\":")?;
                let nested = format!("{}{}", "[".repeat(DEPTH), "]".repeat(DEPTH));
                Some(gzip::member(format!("{head}\"logFiles\":{nested}}}").as_bytes()))
            }),
            Deed::HostileDigest(at, hostile) => {
                let chain = self.chains.get(at.chain).ok_or(NoSuchTarget)?;
                let mut fields = chain.fields(at.index).ok_or(NoSuchTarget)?;
                let text = hostile.text();
                fields.account.clone_from(&text);
                fields.fingerprint.clone_from(&text);
                for link in fields.previous.iter_mut() {
                    link.key.clone_from(&text);
                }
                for log in fields.logs.iter_mut().flatten() {
                    log.key.clone_from(&text);
                }
                let json = fields.to_json();
                self.rewrite(at, |_| Some(gzip::member(&json)))
            }
            _ => Err(NoSuchTarget),
        }
    }

    /// Changes the object of a digest, if there is one and `change` succeeds.
    fn change(
        &mut self,
        at: DigestAt,
        change: impl FnOnce(&mut Version) -> Option<()>,
    ) -> Result<(), NoSuchTarget> {
        let (_, digest) = self.target(at)?;
        let mut version = self.current(&digest.bucket, &digest.key).ok_or(NoSuchTarget)?.clone();
        change(&mut version).ok_or(NoSuchTarget)?;
        version.last_modified += 3600;
        self.put(&digest.bucket, &digest.key, version);
        Ok(())
    }

    fn rebody(
        &mut self,
        at: DigestAt,
        body: impl FnOnce(&[u8]) -> Option<Vec<u8>>,
    ) -> Result<(), NoSuchTarget> {
        self.change(at, |version| {
            version.body = Bytes::from(body(&version.body)?);
            Some(())
        })
    }

    /// Writes a new object made from the digest's true content.
    fn rewrite(
        &mut self,
        at: DigestAt,
        body: impl FnOnce(&[u8]) -> Option<Vec<u8>>,
    ) -> Result<(), NoSuchTarget> {
        let (_, digest) = self.target(at)?;
        self.rebody(at, |_| body(&digest.json))
    }

    fn resign(
        &mut self,
        at: DigestAt,
        signature: impl FnOnce(&mut String),
    ) -> Result<(), NoSuchTarget> {
        self.change(at, |version| {
            signature(version.metadata.get_mut("signature")?);
            Some(())
        })
    }

    fn forge(&mut self, at: DigestAt, known: bool) -> Result<(), NoSuchTarget> {
        let chain = self.chains.get(at.chain).ok_or(NoSuchTarget)?;
        let mut fields = chain.fields(at.index).ok_or(NoSuchTarget)?;
        let signer = Signer::forger();
        if !known {
            fields.fingerprint = fingerprint(&signer.pkcs1);
        }
        // The aim of a forger: one log file less. An empty digest gets a different account instead.
        if fields.logs.as_mut().and_then(Vec::pop).is_none() {
            fields.account = "999999999999".to_owned();
        }
        let json = fields.to_json();
        let previous = fields.previous.as_ref().map(|link| link.signature.as_str());
        let text = string_to_sign(&fields.end, &fields.bucket, &fields.key, &json, previous);
        let signature = hex::encode(signer.sign(text.as_bytes(), SignWith::Reference));
        self.change(at, |version| {
            version.metadata.insert("signature".to_owned(), signature);
            version.body = Bytes::from(gzip::member(&json));
            Some(())
        })
    }

    pub(super) fn move_digest(&mut self, from: DigestAt, to: DigestAt) -> Result<(), NoSuchTarget> {
        let (source, target) = (self.target(from)?.1, self.target(to)?.1);
        if from == to {
            return Err(NoSuchTarget);
        }
        let version = self.current(&source.bucket, &source.key).ok_or(NoSuchTarget)?.clone();
        self.put(&target.bucket, &target.key, version);
        Ok(())
    }

    pub(super) fn swap_digests(
        &mut self,
        one: DigestAt,
        other: DigestAt,
    ) -> Result<(), NoSuchTarget> {
        let second = self.target(other)?.1;
        let kept = self.current(&second.bucket, &second.key).ok_or(NoSuchTarget)?.clone();
        self.move_digest(one, other)?;
        let first = self.target(one)?.1;
        self.put(&first.bucket, &first.key, kept);
        Ok(())
    }

    pub(super) fn delete_range(
        &mut self,
        chain: usize,
        from: usize,
        to: usize,
    ) -> Result<(), NoSuchTarget> {
        let digests = self
            .chains
            .get(chain)
            .and_then(|chain| chain.digests.get(from..to.min(chain.digests.len())));
        let places: Vec<_> = digests
            .ok_or(NoSuchTarget)?
            .iter()
            .map(|digest| (digest.bucket.clone(), digest.key.clone()))
            .collect();
        let deleted = places.iter().filter(|(bucket, key)| self.delete(bucket, key)).count();
        if deleted == 0 { Err(NoSuchTarget) } else { Ok(()) }
    }

    pub(super) fn delete_day(&mut self, time: i64) -> Result<(), NoSuchTarget> {
        let folder = format!("/{}/", day_folder(time));
        let mut places = Vec::new();
        for (name, bucket) in &self.world.buckets {
            let keys = bucket.objects.keys().filter(|key| key.contains(&folder));
            places.extend(keys.map(|key| (name.clone(), key.clone())));
        }
        let deleted = places.iter().filter(|(bucket, key)| self.delete(bucket, key)).count();
        if deleted == 0 { Err(NoSuchTarget) } else { Ok(()) }
    }

    pub(super) fn sign_without_log_files(&mut self, at: DigestAt) -> Result<(), NoSuchTarget> {
        self.resign_truth(at, None, Oddity::NoLogFiles)
    }

    pub(super) fn sign_loop(&mut self, at: DigestAt, to: usize) -> Result<(), NoSuchTarget> {
        let chain = self.chains.get(at.chain).ok_or(NoSuchTarget)?;
        let digest = chain.digests.get(at.index).ok_or(NoSuchTarget)?;
        let standard = digest.kind != DigestKind::Backfill && to < chain.standard;
        if !standard || to < at.index || digest.previous.is_none() {
            return Err(NoSuchTarget);
        }
        self.resign_truth(at, Some(to), Oddity::Loop)
    }

    /// Makes AWS itself sign something odd, and everything that comes after it. Applies only while
    /// the chain is as it was written, because it would undo other deeds.
    fn resign_truth(
        &mut self,
        at: DigestAt,
        link: Option<usize>,
        oddity: Oddity,
    ) -> Result<(), NoSuchTarget> {
        let chain = self.chains.get(at.chain).ok_or(NoSuchTarget)?;
        let untouched = chain.digests.iter().all(|digest| {
            let written = commit::digest_version(digest);
            self.current(&digest.bucket, &digest.key).is_some_and(|version| {
                version.body == written.body && version.metadata == written.metadata
            })
        });
        let digest =
            self.chains.get_mut(at.chain).and_then(|chain| chain.digests.get_mut(at.index));
        let digest = digest.filter(|digest| untouched && digest.oddity == Oddity::None);
        let digest = digest.ok_or(NoSuchTarget)?;
        digest.oddity = oddity;
        digest.previous = link.or(digest.previous);
        self.sign_from(at.chain, at.index);
        Ok(())
    }
}
