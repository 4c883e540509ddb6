//! What wipes itself, asserted when the crate is compiled; and the wiping of a stack.

use std::hint::black_box;

use aes_gcm::Aes256Gcm;
use ed25519_dalek::SigningKey;
use hmac::digest::block_api::{Buffer, CtOutWrapper};
use hmac::digest::consts::U32;
use sha2::Sha256;
use sha2::block_api::Sha256VarCore;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::prf::Prf;
use crate::row::Identity;
use crate::seal::Share;
use crate::{AuditKey, CategoryKey, GenerationKey, LocatorKey, LogKey, RootKey, SubjectKey};

/// How much of the stack below the caller [`wipe_stack`] overwrites, in bytes.
const STACK_WIPED_BYTES: usize = 64 * 1024;
/// The same of [`wipe_whole_stack`]: deeper than anything here goes, in builds without optimisation too, and less than any thread has.
const WHOLE_STACK_BYTES: usize = 512 * 1024;

/// The compression core of SHA-256.
type Core = CtOutWrapper<Sha256VarCore, U32>;

const fn wipes_itself<T: ZeroizeOnDrop>() {}

// A feature switched off in Cargo.toml would silently leave keys in freed memory; here it stops the build.
// hmac 0.13 does not say so of `Hmac`; it holds two cores and a buffer, and all of these wipe themselves.
const _: () = {
    wipes_itself::<Aes256Gcm>();
    wipes_itself::<Sha256>();
    wipes_itself::<Core>();
    wipes_itself::<Buffer<Core>>();
    wipes_itself::<SigningKey>();
    wipes_itself::<Identity>();
};

// What ours consist of is asserted above; other crates can rely on the mark.
impl ZeroizeOnDrop for Prf {}
impl ZeroizeOnDrop for RootKey {}
impl ZeroizeOnDrop for CategoryKey {}
impl ZeroizeOnDrop for LocatorKey {}
impl ZeroizeOnDrop for SubjectKey {}
impl ZeroizeOnDrop for AuditKey {}
impl ZeroizeOnDrop for LogKey {}
impl ZeroizeOnDrop for GenerationKey {}
impl ZeroizeOnDrop for Share {}

/// Overwrites the 64 KiB of stack below the caller with zeros.
///
/// Setting up a MAC or a cipher leaves copies of key material in stack frames that are no longer in use, and
/// no destructor reaches them. A thread that has worked with keys calls this when the vault is sealed.
#[inline(never)]
pub fn wipe_stack() {
    let mut frame = [0u8; STACK_WIPED_BYTES];
    frame.zeroize();
    black_box(&frame);
}

/// The same for 512 KiB. For a thread that has worked with keys, when the vault is sealed and nothing is under way on it.
#[inline(never)]
pub fn wipe_whole_stack() {
    let mut frame = [0u8; WHOLE_STACK_BYTES];
    frame.zeroize();
    black_box(&frame);
}
