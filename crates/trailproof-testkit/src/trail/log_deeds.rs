//! Deeds that change or delete log files.
use super::built::BuiltTrail;
use super::deed::{Deed, LogAt, NoSuchTarget};
use super::digest_deeds::BOMB;
use super::gzip;
use crate::world::Version;
use bytes::Bytes;

const APPENDED: &[u8] =
    b"{\"Records\":[{\"eventVersion\":\"1.08\",\"eventTime\":\"2026-03-01T00:00:00Z\",\
    \"eventName\":\"NeverHappened\",\"eventID\":\"00000000-0000-4000-8000-000000000000\"}]}";

/// Seconds after its delivery at which an object is changed.
const CHANGED_AFTER: i64 = 3_600;

impl BuiltTrail {
    /// Applies a deed to a log file; returns `None` if the deed is not about log files.
    pub(super) fn apply_to_log(&mut self, deed: Deed) -> Option<Result<(), NoSuchTarget>> {
        Some(match deed {
            Deed::LogDeleted(at) => self.delete_log(at),
            Deed::LogContentChanged(at) => self.change_log(at, |version| {
                let gzip::Body::Inflated { bytes, .. } = gzip::read(&version.body) else {
                    return None;
                };
                let text = String::from_utf8(bytes).ok()?;
                let changed = text.replacen("\"eventName\":\"", "\"eventName\":\"Un", 1);
                (changed != text).then(|| version.body = gzip::member(changed.as_bytes()).into())
            }),
            Deed::LogByteFlippedInGzip(at) => self.rebody_log(at, |mut body| {
                let middle = body.len() / 2;
                *body.get_mut(middle)? ^= 0x10;
                Some(body)
            }),
            Deed::LogTruncated(at) => self.rebody_log(at, |mut body| {
                body.truncate(body.len() / 2);
                (!body.is_empty()).then_some(body)
            }),
            Deed::LogTrailerMissing(at) => self.rebody_log(at, |mut body| {
                body.truncate(body.len().checked_sub(8)?);
                Some(body)
            }),
            Deed::LogSecondMemberAppended(at) => self.rebody_log(at, |mut body| {
                body.extend(gzip::member(APPENDED));
                Some(body)
            }),
            Deed::LogTrailingGarbage(at) => self.rebody_log(at, |mut body| {
                body.extend(b"garbage");
                Some(body)
            }),
            Deed::LogInSeveralMembers(at) => self.rebody_log(at, |body| {
                let gzip::Body::Inflated { bytes, .. } = gzip::read(&body) else { return None };
                Some(gzip::members(&bytes))
            }),
            Deed::LogReplacedByOtherLog { at, by } => self.replace_log(at, by),
            Deed::LogStoredInflated(at) => self.change_log(at, |version| {
                let gzip::Body::Inflated { bytes, .. } = gzip::read(&version.body) else {
                    return None;
                };
                version.body = Bytes::from(bytes);
                version.content_encoding = None;
                Some(())
            }),
            Deed::LogEmptied(at) => self.rebody_log(at, |_| Some(Vec::new())),
            Deed::LogArchived(at) => self.change_log(at, |version| {
                version.storage_class = "DEEP_ARCHIVE".to_owned();
                // A lifecycle rule that moves an object does not write it.
                version.last_modified -= CHANGED_AFTER;
                Some(())
            }),
            Deed::LogBomb(at) => self.rebody_log(at, |_| Some(gzip::bomb(BOMB))),
            _ => return None,
        })
    }

    fn change_log(
        &mut self,
        at: LogAt,
        change: impl FnOnce(&mut Version) -> Option<()>,
    ) -> Result<(), NoSuchTarget> {
        let log = self.log(at.digest.chain, at.digest.index, at.log).ok_or(NoSuchTarget)?.clone();
        let mut version = self.current(&log.bucket, &log.key).ok_or(NoSuchTarget)?.clone();
        change(&mut version).ok_or(NoSuchTarget)?;
        version.last_modified += CHANGED_AFTER;
        self.put(&log.bucket, &log.key, version);
        Ok(())
    }

    fn rebody_log(
        &mut self,
        at: LogAt,
        body: impl FnOnce(Vec<u8>) -> Option<Vec<u8>>,
    ) -> Result<(), NoSuchTarget> {
        self.change_log(at, |version| {
            version.body = Bytes::from(body(version.body.to_vec())?);
            Some(())
        })
    }

    fn replace_log(&mut self, at: LogAt, by: LogAt) -> Result<(), NoSuchTarget> {
        let other = self.log(by.digest.chain, by.digest.index, by.log).ok_or(NoSuchTarget)?;
        let version = self.current(&other.bucket, &other.key).ok_or(NoSuchTarget)?.clone();
        self.change_log(at, |target| {
            // With repeated bodies, the other log file can have the same one.
            (target.body != version.body).then(|| *target = version)
        })
    }

    fn delete_log(&mut self, at: LogAt) -> Result<(), NoSuchTarget> {
        let log = self.log(at.digest.chain, at.digest.index, at.log).ok_or(NoSuchTarget)?.clone();
        if self.delete(&log.bucket, &log.key) { Ok(()) } else { Err(NoSuchTarget) }
    }
}
