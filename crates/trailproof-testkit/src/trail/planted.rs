//! Objects that an attacker without AWS's keys adds to a bucket.
use super::built::{BuiltTrail, ChainId, Planted, PlantedKind};
use super::commit;
use super::deed::{Decoy, DigestAt, Hostile, NoSuchTarget};
use super::dice::Dice;
use super::digest_json::string_to_sign;
use super::gzip;
use super::location::{day_folder, digest_name, folder, iso, log_name};
use super::log_file::{Scene, log_file};
use super::signer::{Signer, fingerprint};
use super::spec::{LogSizes, SignWith};
use crate::world::Version;

const DAY: i64 = 86_400;

impl BuiltTrail {
    fn plant(&mut self, bucket: String, key: String, version: Version, kind: PlantedKind) {
        self.put(&bucket, &key, version);
        self.planted.push(Planted { bucket, key, kind });
    }

    pub(super) fn add_log(&mut self, at: DigestAt) -> Result<(), NoSuchTarget> {
        let (id, digest) = self.target(at)?;
        // The middle of the hour, so that the time is inside the interval under every
        // interpretation.
        let time = (digest.start + 1800).div_euclid(300) * 300;
        let put = time + 30;
        let mut dice = Dice::new(self.chains.len().try_into().unwrap_or(0), &digest.key);
        let scene = Scene { account: &id.account, region: &id.region, time };
        let content = log_file(&mut dice, LogSizes::Small, scene, &[]);
        // The digest's folder with a different name, including prefix and organization.
        let kind = format!("/CloudTrail-Digest/{}/", id.region);
        let root = digest.key.split(&kind).next().unwrap_or("");
        let name = log_name(&id.account, &id.region, time, &dice.letters(16));
        let key = format!("{root}/CloudTrail/{}/{}/{name}", id.region, day_folder(time));
        let version = commit::version(content.body, put);
        let kind = PlantedKind::UnlistedLog { chain: at.chain, time, put };
        self.plant(digest.bucket, key, version, kind);
        Ok(())
    }

    pub(super) fn plant_decoy(&mut self, at: DigestAt, decoy: Decoy) -> Result<(), NoSuchTarget> {
        let (id, digest) = self.target(at)?;
        let kind = format!("CloudTrail-Digest/{}/", id.region);
        let root = digest.key.split(&kind).next().unwrap_or("");
        let root = format!("{root}{kind}");
        let named = |trail: &str, end: i64| {
            digest_name(&id.account, &id.region, trail, &id.home_region, end, "")
        };
        // A century later, on the same day of the year or near it.
        let future = digest.end + 36_525 * DAY;
        let (key, end, kind) = match decoy {
            Decoy::WrongDateFolder => {
                let folder = day_folder(digest.end + DAY);
                (
                    format!("{root}{folder}/{}", named(&id.trail, digest.end)),
                    digest.end,
                    PlantedKind::PassedOver,
                )
            }
            Decoy::FarFutureInEarlyFolder => {
                let folder = day_folder(digest.end);
                (
                    format!("{root}{folder}/{}", named(&id.trail, future)),
                    future,
                    PlantedKind::PassedOver,
                )
            }
            Decoy::ExtraSuffix => {
                (format!("{}.bak", digest.key), digest.end, PlantedKind::PassedOver)
            }
            Decoy::WrongExtension => {
                let key = digest.key.trim_end_matches(".gz").to_owned();
                (key, digest.end, PlantedKind::PassedOver)
            }
            Decoy::NestedFolder => {
                let name = named(&id.trail, digest.end);
                let folder = day_folder(digest.end);
                (format!("{root}{folder}/x/{name}"), digest.end, PlantedKind::PassedOver)
            }
            Decoy::LongerTrailName => {
                let name = named(&format!("{}-2", id.trail), digest.end);
                let folder = day_folder(digest.end);
                (format!("{root}{folder}/{name}"), digest.end, PlantedKind::RogueDigest)
            }
            Decoy::FarFuture => {
                let folder = day_folder(future);
                (
                    format!("{root}{folder}/{}", named(&id.trail, future)),
                    future,
                    PlantedKind::RogueDigest,
                )
            }
        };
        let version = self.forged(at, &key, end)?;
        self.plant(digest.bucket, key, version, kind);
        Ok(())
    }

    /// Creates a digest object that names `key` and `end` as its own and is signed by the forger.
    fn forged(&self, at: DigestAt, key: &str, end: i64) -> Result<Version, NoSuchTarget> {
        let chain = self.chains.get(at.chain).ok_or(NoSuchTarget)?;
        let mut fields = chain.fields(at.index).ok_or(NoSuchTarget)?;
        let digest = chain.digests.get(at.index).ok_or(NoSuchTarget)?;
        key.clone_into(&mut fields.key);
        fields.end = iso(end);
        fields.start = iso(end - 3600);
        let signer = Signer::forger();
        fields.fingerprint = fingerprint(&signer.pkcs1);
        let json = fields.to_json();
        let previous = fields.previous.as_ref().map(|link| link.signature.as_str());
        let text = string_to_sign(&fields.end, &fields.bucket, key, &json, previous);
        let mut version = commit::digest_version(digest);
        let signature = signer.sign(text.as_bytes(), SignWith::Reference);
        version.metadata.insert("signature".to_owned(), hex::encode(signature));
        version.body = gzip::member(&json).into();
        Ok(version)
    }

    pub(super) fn plant_hostile_key(
        &mut self,
        at: DigestAt,
        hostile: Hostile,
    ) -> Result<(), NoSuchTarget> {
        let (id, digest) = self.target(at)?;
        let ChainId { organization, account, region, .. } = &id;
        let prefix = digest.key.split("AWSLogs/").next().unwrap_or("").trim_end_matches('/');
        let prefix = Some(prefix).filter(|prefix| !prefix.is_empty());
        let kind = "CloudTrail-Digest";
        let folder = folder(prefix, organization.as_deref(), account, kind, region);
        // S3 takes keys of at most 1,024 bytes.
        let mut text = hostile.text();
        text.truncate(
            text.char_indices().map(|(at, _)| at).take_while(|&at| at < 800).last().unwrap_or(0),
        );
        let key = format!("{folder}{}/{text}.json.gz", day_folder(digest.end));
        let version = commit::digest_version(&digest);
        self.plant(digest.bucket, key, version, PlantedKind::PassedOver);
        Ok(())
    }
}
