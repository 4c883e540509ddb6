use ring::rand::{SecureRandom, SystemRandom};

use crate::NoRandomness;

/// `N` random bytes from the operating system, for what is not a key: salts and ids.
///
/// # Errors
/// [`NoRandomness`] when the operating system refuses.
pub fn random<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0; N];
    fill(&mut bytes)?;
    Ok(bytes)
}

/// Fills in place, so that a key has no second copy.
pub(crate) fn fill(bytes: &mut [u8]) -> Result<(), NoRandomness> {
    SystemRandom::new().fill(bytes).map_err(|_| NoRandomness)
}
