// Verifies a Sigstore bundle with @sigstore/verify.
//
//     bundle.mjs BUNDLE.json PUBLIC-KEY.pem [TSA-CHAIN.pem]
//
// With a certificate chain, which begins with the authority's own, one time stamp must verify too.
import { createHash, createPublicKey, X509Certificate as NodeCertificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { bundleFromJSON } from '@sigstore/bundle';
import { X509Certificate } from '@sigstore/core';
import { Verifier, toSignedEntity } from '@sigstore/verify';

const [bundlePath, keyPath, chainPath] = process.argv.slice(2);
const publicKey = createPublicKey(readFileSync(keyPath));
const hint = createHash('sha256').update(publicKey.export({ type: 'spki', format: 'der' })).digest('hex');
const always = { start: new Date(0), end: new Date(8.64e15) };
const authorities = [];
if (chainPath) {
  const pems = readFileSync(chainPath, 'utf8').match(/-----BEGIN CERTIFICATE-----[^]+?-----END CERTIFICATE-----/g);
  const certChain = pems.map((pem) => X509Certificate.parse(new NodeCertificate(pem).raw));
  authorities.push({ certChain, validFor: always });
}
const trusted = {
  certificateAuthorities: [],
  ctlogs: [],
  tlogs: [],
  timestampAuthorities: authorities,
  publicKey: (name) => {
    if (name !== hint) throw new Error(`the hint names the key ${name}`);
    return { publicKey, validFor: () => true };
  },
};
const options = { tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: authorities.length };
try {
  const bundle = bundleFromJSON(JSON.parse(readFileSync(bundlePath, 'utf8')));
  new Verifier(trusted, options).verify(toSignedEntity(bundle));
  console.log(`${bundle.mediaType}: verified, with ${authorities.length} time stamps`);
} catch (error) {
  console.error(`@sigstore/verify: ${error.message}`);
  process.exitCode = 1;
}
