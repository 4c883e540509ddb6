//! What is asked of a token, in the order in which it is asked.

use std::io::Read;
use std::sync::{Mutex, MutexGuard, PoisonError};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11 as Module};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::aead::GcmParams;
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;
use zeroize::Zeroizing;

use super::wrapped_file::{NONCE_BYTES, WRAPPED_BYTES};
use super::{Token, TokenError};
use crate::KeyId;
use crate::file::{self, Unfit};
use crate::prf::KEY_BYTES;

const TAG_BITS: u64 = 128;
const PIN_BYTES_MAX: usize = 255;

/// Whether one is logged in is known for a whole process, not for a session: two at a time would log each other out.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// A session with a token, logged in, until it is dropped: the last session that closes logs out.
pub(super) struct Desk {
    session: Session,
    _alone: MutexGuard<'static, ()>,
}

impl Desk {
    pub(super) fn open(token: &Token) -> Result<Self, TokenError> {
        let pin = pin(token)?;
        let alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let module = module(token)?;
        let slot = slot(&module, token)?;
        able(&module, slot)?;
        let session = module.open_rw_session(slot).map_err(refused)?;
        session.login(UserType::User, Some(&pin)).map_err(|error| match error {
            Error::Pkcs11(RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange, _) => {
                TokenError::Pin(token.pin_file.clone())
            }
            Error::Pkcs11(RvError::PinLocked, _) => TokenError::Locked,
            other => refused(other),
        })?;
        Ok(Self { session, _alone: alone })
    }

    /// Makes the key that will wrap a root key, and that never leaves the token.
    pub(super) fn make_key(&self, root: &KeyId) -> Result<ObjectHandle, TokenError> {
        let mut template = named(root);
        template.extend([
            Attribute::Token(true),
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::Modifiable(false),
            Attribute::Encrypt(true),
            Attribute::Decrypt(true),
            Attribute::ValueLen((KEY_BYTES as u64).into()),
        ]);
        self.session.generate_key(&Mechanism::AesKeyGen, &template).map_err(refused)
    }

    /// The key that wraps a root key.
    pub(super) fn key(&self, root: &KeyId) -> Result<ObjectHandle, TokenError> {
        let found = self.session.find_objects(&named(root)).map_err(refused)?;
        found.first().copied().ok_or_else(|| TokenError::NoKey(label(root)))
    }

    /// Destroys the key that wraps a root key, if it is there.
    pub(super) fn forget(&self, root: &KeyId) -> Result<(), TokenError> {
        let found = self.session.find_objects(&named(root)).map_err(refused)?;
        found.into_iter().try_for_each(|key| self.session.destroy_object(key).map_err(refused))
    }

    pub(super) fn encrypt(
        &self,
        key: ObjectHandle,
        mut nonce: [u8; NONCE_BYTES],
        bound_to: &[u8],
        raw: &[u8; KEY_BYTES],
    ) -> Result<[u8; WRAPPED_BYTES], TokenError> {
        let parameters = GcmParams::new(&mut nonce, bound_to, TAG_BITS.into()).map_err(refused)?;
        let wrapped = self.session.encrypt(&Mechanism::AesGcm(parameters), key, raw).map_err(refused)?;
        wrapped.try_into().map_err(|_| TokenError::Unable("its AES-GCM gives another length".into()))
    }

    /// `None`: what is there is not what was wrapped.
    pub(super) fn decrypt(
        &self,
        key: ObjectHandle,
        mut nonce: [u8; NONCE_BYTES],
        bound_to: &[u8],
        wrapped: &[u8; WRAPPED_BYTES],
    ) -> Result<Option<Zeroizing<[u8; KEY_BYTES]>>, TokenError> {
        let parameters = GcmParams::new(&mut nonce, bound_to, TAG_BITS.into()).map_err(refused)?;
        let plain = match self.session.decrypt(&Mechanism::AesGcm(parameters), key, wrapped) {
            Ok(plain) => Zeroizing::new(plain),
            // Of a wrong tag tokens say one or the other.
            Err(Error::Pkcs11(
                RvError::EncryptedDataInvalid | RvError::EncryptedDataLenRange | RvError::GeneralError,
                _,
            )) => return Ok(None),
            Err(error) => return Err(refused(error)),
        };
        let mut raw = Zeroizing::new([0; KEY_BYTES]);
        if plain.len() != raw.len() {
            return Ok(None);
        }
        raw.copy_from_slice(&plain);
        Ok(Some(raw))
    }
}

fn module(token: &Token) -> Result<Module, TokenError> {
    let unloaded = |error: Error| TokenError::Module(token.module.clone(), error.to_string());
    let module = Module::new(&token.module).map_err(unloaded)?;
    match module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => Ok(module),
        Err(error) => Err(unloaded(error)),
    }
}

fn slot(module: &Module, token: &Token) -> Result<Slot, TokenError> {
    let mut there = Vec::new();
    for slot in module.get_slots_with_token().map_err(refused)? {
        let info = module.get_token_info(slot).map_err(refused)?;
        if info.label() == token.label {
            return Ok(slot);
        }
        if info.token_initialized() {
            there.push(format!("`{}`", info.label()));
        }
    }
    let there = if there.is_empty() { "none".to_owned() } else { there.join(", ") };
    Err(TokenError::Missing(token.label.clone(), there))
}

fn able(module: &Module, slot: Slot) -> Result<(), TokenError> {
    let mechanisms = module.get_mechanism_list(slot).map_err(refused)?;
    for needed in [MechanismType::AES_KEY_GEN, MechanismType::AES_GCM] {
        if !mechanisms.contains(&needed) {
            return Err(TokenError::Unable(format!("it has no {needed}")));
        }
    }
    Ok(())
}

fn label(root: &KeyId) -> String {
    format!("coffer-root-{root}")
}

fn named(root: &KeyId) -> Vec<Attribute> {
    vec![
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::Label(label(root).into_bytes()),
        Attribute::Id(root.as_bytes().to_vec()),
    ]
}

/// The PIN, without the end of its line.
fn pin(token: &Token) -> Result<AuthPin, TokenError> {
    let path = &token.pin_file;
    let malformed = || TokenError::PinMalformed(path.clone());
    let file = file::open_private(path).map_err(|unfit| match unfit {
        Unfit::Missing => TokenError::PinMissing(path.clone()),
        Unfit::NotAFile => malformed(),
        Unfit::Exposed(mode) => TokenError::PinExposed { path: path.clone(), mode },
        Unfit::Io(error) => TokenError::Refused(format!("{}: {error}", path.display())),
    })?;
    // Room for all of it at once, so that growing leaves no copy behind.
    let mut text = Zeroizing::new(String::with_capacity(PIN_BYTES_MAX + 2));
    file.take(PIN_BYTES_MAX as u64 + 1).read_to_string(&mut text).map_err(|_| malformed())?;
    let pin = text.trim_end_matches(['\r', '\n']);
    let plain = !pin.is_empty() && text.len() <= PIN_BYTES_MAX && !pin.contains(['\r', '\n']);
    if plain { Ok(AuthPin::new(pin.into())) } else { Err(malformed()) }
}

/// Function and code; what the token says in words may be long and is about the standard.
fn refused(error: Error) -> TokenError {
    TokenError::Refused(match error {
        Error::Pkcs11(code, function) => format!("{function} ended with {code:?}"),
        other => other.to_string(),
    })
}
