//! Deeds that change what ListPublicKeys returns.
use super::built::BuiltTrail;
use super::deed::{DigestAt, NoSuchTarget};
use super::signer::Signer;
use crate::world::PublicKey;

impl BuiltTrail {
    /// Returns whether `key` is, in either encoding, the key of this `slot`.
    pub(super) fn is_key(key: &PublicKey, slot: usize) -> bool {
        let signer = Signer::pool(slot);
        key.der == signer.pkcs1 || key.der == signer.spki
    }

    fn keys_of(&mut self, at: DigestAt) -> Result<(&mut Vec<PublicKey>, usize), NoSuchTarget> {
        let (id, digest) = self.target(at)?;
        let keys = self.world.public_keys.get_mut(&id.region).ok_or(NoSuchTarget)?;
        let listed = keys.iter().any(|key| Self::is_key(key, digest.slot));
        if listed { Ok((keys, digest.slot)) } else { Err(NoSuchTarget) }
    }

    pub(super) fn remove_key(&mut self, at: DigestAt) -> Result<(), NoSuchTarget> {
        let (keys, slot) = self.keys_of(at)?;
        keys.retain(|key| !Self::is_key(key, slot));
        Ok(())
    }

    pub(super) fn misname_key(&mut self, at: DigestAt) -> Result<(), NoSuchTarget> {
        let (keys, slot) = self.keys_of(at)?;
        for key in keys.iter_mut().filter(|key| Self::is_key(key, slot)) {
            key.fingerprint = key.fingerprint.chars().rev().collect();
        }
        Ok(())
    }

    pub(super) fn recode_key(&mut self, at: DigestAt) -> Result<(), NoSuchTarget> {
        let (keys, slot) = self.keys_of(at)?;
        let signer = Signer::pool(slot);
        for key in keys.iter_mut().filter(|key| Self::is_key(key, slot)) {
            let other = if key.der == signer.pkcs1 { &signer.spki } else { &signer.pkcs1 };
            key.der.clone_from(other);
        }
        Ok(())
    }
}
