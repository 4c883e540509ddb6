use std::net::SocketAddr;

use super::{Home, Raw, Staff, application_of, purpose_of, tls};

/// A vault that can be asked, wherever it runs.
pub trait Serving {
    /// Its home.
    fn home(&self) -> &Home;

    /// Where it listens.
    fn address(&self) -> SocketAddr;

    /// The same as a client's configuration has it.
    fn url(&self) -> String {
        format!("https://{}", self.address())
    }

    /// Plain HTTP with the certificate of an application.
    fn raw(&self, application: &str) -> Raw {
        let [certificate, key] = ["client.pem", "client.key"].map(|file| self.home().client_file(application, file));
        Raw::new(self.url(), tls(&self.home().server_ca(), Some((&certificate, &key))))
    }

    /// TLS with the certificate of an application, for one protocol (ALPN).
    fn tls(&self, application: &str, protocol: &[u8]) -> rustls::ClientConfig {
        let [certificate, key] = ["client.pem", "client.key"].map(|file| self.home().client_file(application, file));
        let mut config = tls(&self.home().server_ca(), Some((&certificate, &key)));
        config.alpn_protocols = vec![protocol.to_vec()];
        config
    }

    /// The client crate, as an application uses it.
    fn client(&self, application: &str) -> coffer_client::Vault {
        self.client_by_way_of(application, &self.url())
    }

    /// The same by way of somebody else, who passes on what is said.
    fn client_by_way_of(&self, application: &str, url: &str) -> coffer_client::Vault {
        let read = |path| std::fs::read(path).unwrap();
        let home = self.home();
        coffer_client::Vault::builder()
            .url(url)
            .ca_pem(&read(home.server_ca()))
            .identity_pem(
                &read(home.client_file(application, "client.pem")),
                &read(home.client_file(application, "client.key")),
            )
            .log_key(home.log_key.clone())
            .build()
            .unwrap()
    }

    /// The token of a role, good for 15 minutes.
    fn token(&self, role: &str, controllers: &[&str]) -> String {
        self.home().token(role, controllers)
    }

    /// Another person with a role at its application, for one controller.
    fn second(&self, role: &str, controller: &str) -> Staff {
        let application = application_of(role);
        let token = self.home().token_of(&format!("second-{role}@example"), &[role], application, &[controller]);
        Staff::new(self.raw(application), token, controller, purpose_of(role))
    }

    /// A person with a role who works for one controller, for a purpose of the role and a case.
    fn staff(&self, role: &str, controller: &str) -> Staff {
        Staff::new(self.raw(application_of(role)), self.token(role, &[controller]), controller, purpose_of(role))
    }
}
