use std::net::SocketAddr;
use std::sync::Arc;

use coffer_vault::ledger::history::History;
use coffer_vault::ledger::start;
use coffer_vault::listen::{self, Listener};
use coffer_vault::serve::{Door, House};
use coffer_vault::store::Engine;
use coffer_wire::leaf::Leaf;
use serde_json::{Value, json};

use super::{Home, Reply, Serving};

/// A vault that serves a home in this process.
pub struct Running {
    /// `None` only while it is being stopped.
    parts: Option<Parts>,
    address: SocketAddr,
}

struct Parts {
    listener: Listener,
    door: Door,
    engine: Arc<dyn Engine>,
    home: Home,
}

impl Home {
    /// Opens the vault and listens on a free port.
    pub fn serve(self) -> Running {
        let engine = self.engine();
        self.serve_on(engine)
    }

    /// The same over an engine that the test has wrapped or opened itself.
    pub fn serve_on(self, engine: Arc<dyn Engine>) -> Running {
        let house =
            House::open(Arc::clone(&self.config), Arc::clone(&engine), Arc::clone(&self.clock), &self.root_key());
        let house = Arc::new(house.unwrap());
        house.resume_jobs();
        let at = Arc::clone(&engine);
        let door = Door::to(house).with_store(Box::new(move || Ok(Arc::clone(&at))));
        let tls = listen::server_config(&self.config.listen).unwrap();
        let listener = Listener::start(self.config.listen.address, tls, door.clone()).unwrap();
        let address = listener.address();
        Running { parts: Some(Parts { listener, door, engine, home: self }), address }
    }
}

impl Running {
    /// Stops as an operator stops it; afterwards nothing has the store open.
    pub async fn stop(mut self) -> Home {
        let parts = self.parts.take().expect("a vault is stopped once");
        // On a thread of its own: connections end only while their clients' runtime runs.
        tokio::task::spawn_blocking(move || parts.stop()).await.unwrap()
    }

    /// Stops and starts again, on another port.
    pub async fn restart(self) -> Running {
        self.stop().await.serve()
    }

    /// The open vault.
    pub fn house(&self) -> Arc<House> {
        self.parts().door.house().expect("the vault is open")
    }

    /// Where everybody comes in.
    pub fn door(&self) -> &Door {
        &self.parts().door
    }

    /// The engine that it works on.
    pub fn engine(&self) -> &Arc<dyn Engine> {
        &self.parts().engine
    }

    /// Leaves in the log. What was answered before is among them.
    pub fn log_size(&self) -> u64 {
        match self.parts().door.house() {
            Some(house) => house.ledger().shared().size(),
            None => {
                let note = start::newest_note(&**self.engine()).unwrap().unwrap();
                note.lines().nth(1).unwrap().parse().unwrap()
            }
        }
    }

    /// The bytes of a leaf.
    pub fn leaf_bytes(&self, index: u64) -> Vec<u8> {
        History::new(&**self.engine()).leaf(index).unwrap()
    }

    /// The leaves from an index on, read strictly.
    pub fn leaves_since(&self, start: u64) -> Vec<Leaf> {
        (start..self.log_size()).map(|index| Leaf::parse(&self.leaf_bytes(index)).unwrap()).collect()
    }

    /// Puts a policy (`access`) or a schema (`schema`) in force, by two security admins where it takes two.
    pub async fn apply(&self, what: &str, files: Value) -> Reply {
        let (admin, second) = (self.staff("security-admin", "oakvale"), self.second("security-admin", "oakvale"));
        admin.post_by_two(&second, &format!("/v1/{what}/apply"), &json!({ "files": files })).await.granted()
    }

    fn parts(&self) -> &Parts {
        self.parts.as_ref().expect("the vault runs")
    }
}

impl Parts {
    fn stop(mut self) -> Home {
        self.listener.stop();
        if let Some(house) = self.door.house() {
            house.close();
        }
        let Parts { listener, door, engine, home } = self;
        drop((listener, door));
        assert_eq!(Arc::strong_count(&engine), 1 + usize::from(home.is_in_memory()), "the store is still in use");
        home
    }
}

impl Serving for Running {
    fn home(&self) -> &Home {
        &self.parts().home
    }

    fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Running {
    /// A test that ends does not wait for connections that its own runtime would have to close.
    fn drop(&mut self) {
        if let Some(parts) = self.parts.take() {
            std::thread::spawn(move || drop(parts));
        }
    }
}
