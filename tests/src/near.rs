//! The vault without a network: the same router over the same house, asked in this process. What TLS
//! would prove of a client is handed to it, so that a test can ask a hundred thousand times.
#![allow(clippy::unwrap_used)] // a stage that cannot be set is no result of a test

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use coffer_vault::admit::PeerCertificate;
use coffer_vault::ledger::head::HeadFile;
use coffer_vault::serve::routes::{Peer, router};
use coffer_vault::serve::{self, Door, House, HouseError, Proposal};
use coffer_vault::store::Engine;
use coffer_wire::note::VerifierKey;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tower::ServiceExt;

use crate::acts::Ask;
use crate::harness::{Home, STAFF, Store, controllers};

/// From where requests seem to come.
const ADDRESS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 40_000);

/// A home directory in which vault after vault is made and opened, each on an engine of the test's.
pub struct Site {
    home: Home,
}

impl Site {
    /// Certificates, key file and configuration, without limits; the vault that comes with them is not used.
    pub fn new() -> Site {
        Site { home: Home::new(Store::Memory).without_limits() }
    }

    /// The home directory with its configuration and issuer.
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// Changes `coffer.toml` for the vaults to come.
    pub fn reconfigure(&mut self, change: impl FnOnce(String) -> String) {
        self.home.reconfigure(change);
    }

    /// Makes a new vault on an empty engine, in place of the one before. Answers the log's key.
    pub fn init(&self, engine: &Arc<dyn Engine>) -> Result<VerifierKey, HouseError> {
        let _ = std::fs::remove_file(&self.home.config.log.head);
        let _ = std::fs::remove_file(&self.home.config.log.erasures);
        let proposal = Proposal::of_home(self.home.dir()).unwrap();
        serve::init(&self.home.config, engine, &self.home.clock, &self.home.root_key(), &proposal)
    }

    /// Opens the vault on the engine.
    pub fn open(&self, engine: &Arc<dyn Engine>) -> Result<Near, HouseError> {
        Near::over(&self.home, engine)
    }

    /// The newest note in the head file.
    pub fn head_note(&self) -> Option<String> {
        HeadFile::open(&self.home.config.log.head, false).ok()?.1
    }

    /// The bytes of the head file, to be put back by [`put_head`](Site::put_head).
    pub fn head_bytes(&self) -> Vec<u8> {
        std::fs::read(&self.home.config.log.head).unwrap()
    }

    /// The bytes of the erasure ledger.
    pub fn erasures_bytes(&self) -> Vec<u8> {
        std::fs::read(&self.home.config.log.erasures).unwrap()
    }

    /// Puts them back.
    pub fn put_erasures(&self, bytes: &[u8]) {
        std::fs::write(&self.home.config.log.erasures, bytes).unwrap();
    }

    /// Puts bytes of the head file back, as if the vault had come no further with it.
    pub fn put_head(&self, bytes: &[u8]) {
        std::fs::write(&self.home.config.log.head, bytes).unwrap();
    }
}

impl Default for Site {
    fn default() -> Self {
        Site::new()
    }
}

/// An open vault, asked in this process by the staff of the shipped policy.
pub struct Near {
    house: Arc<House>,
    router: Router,
    staff: HashMap<&'static str, (Peer, String)>,
}

impl Near {
    /// Opens the vault of a home over an engine that holds its data.
    pub fn over(home: &Home, engine: &Arc<dyn Engine>) -> Result<Near, HouseError> {
        let (config, clock) = (Arc::clone(&home.config), Arc::clone(&home.clock));
        let house = Arc::new(House::open(config, Arc::clone(engine), clock, &home.root_key())?);
        house.resume_jobs();
        Ok(Near::new(home, house))
    }

    fn new(home: &Home, house: Arc<House>) -> Near {
        let staff = STAFF.into_iter().map(|(role, application, _)| {
            let der = CertificateDer::from_pem_file(home.client_file(application, "client.pem")).unwrap();
            let certificate = Arc::new(PeerCertificate::parse(&der).unwrap());
            let token = format!("Bearer {}", home.token(role, &controllers()));
            (role, (Peer { certificate, address: ADDRESS, is_above: false }, token))
        });
        let router = router(Door::to(Arc::clone(&house)));
        Near { router, staff: staff.collect(), house }
    }

    /// The open house.
    pub fn house(&self) -> &Arc<House> {
        &self.house
    }
}

impl Ask for Near {
    async fn post(&self, role: &str, path: &str, body: String) -> Option<(u16, Vec<u8>)> {
        let (peer, token) = &self.staff[role];
        let request = axum::http::Request::post(path)
            .header(CONTENT_TYPE, "application/json")
            .header(AUTHORIZATION, token)
            .extension(peer.clone())
            .body(Body::from(body));
        let response = self.router.clone().oneshot(request.unwrap()).await.unwrap_or_else(|never| match never {});
        let status = response.status().as_u16();
        Some((status, to_bytes(response.into_body(), usize::MAX).await.unwrap().to_vec()))
    }
}
