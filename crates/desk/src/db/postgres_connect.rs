//! PostgreSQL: the pool, the works that run on it, and how its connections are made. TLS follows `sslmode` of the URL:
//! `disable` never, `prefer` (also when nothing is said) if the server offers it, whoever it is; `require`, `verify-ca`
//! and `verify-full` only with a certificate that the system's roots, or the file of `sslrootcert`, vouch for.

use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Pool, QueueMode, RecyclingMethod, Runtime};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio_postgres::config::SslMode;
use tokio_postgres::{Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{DbOptions, fault};
use crate::error::{Error, Result};

/// How long a connection may lie dead before the kernel says so.
const DEAD_AFTER: Duration = Duration::from_secs(30);

/// Makes the pool, and the schema if one is named.
pub(super) async fn connect(url: &str, options: &DbOptions) -> Result<Pool> {
    let (url, tls) = split_tls(url);
    // The message of the parser is about words of the URL, never about the password, yet we do not pass it on.
    let mut config: Config =
        url.parse().map_err(|_| Error::invalid("database.url", "malformed", "Not a valid URL."))?;
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(options.connect_timeout);
    }
    config.tcp_user_timeout(DEAD_AFTER);
    // The same while nothing is sent, because everybody waits for an answer.
    config.keepalives_idle(DEAD_AFTER / 2);
    config.keepalives_interval(DEAD_AFTER / 6);
    config.keepalives_retries(3);
    if config.get_application_name().is_none() {
        config.application_name("bursar");
    }
    let mut settings = config.get_options().unwrap_or_default().to_owned();
    settings.push_str(&format!(
        " -c statement_timeout={} -c idle_in_transaction_session_timeout={}",
        options.statement_timeout.as_millis(),
        2 * options.statement_timeout.as_millis(),
    ));
    if let Some(schema) = &options.schema {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if schema.is_empty() || !schema.chars().all(plain) {
            return Err(Error::invalid("database.schema", "malformed", "Lower-case letters, digits and _ only."));
        }
        settings.push_str(&format!(" -c search_path={schema}"));
    }
    config.options(settings);
    let pool = pool(config, &tls, options)?;
    if let Some(schema) = &options.schema {
        let client = pool.get().await.map_err(|error| fault::from_pool(&error))?;
        let create = format!("CREATE SCHEMA IF NOT EXISTS {schema}");
        client.batch_execute(&create).await.map_err(|error| fault::from_postgres(&error, &create))?;
    }
    Ok(pool)
}

fn pool(mut config: Config, tls: &Tls, options: &DbOptions) -> Result<Pool> {
    let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let manager = match tls.mode {
        Mode::Never => {
            config.ssl_mode(SslMode::Disable);
            Manager::from_config(config, NoTls, recycling)
        }
        Mode::IfOffered => {
            config.ssl_mode(SslMode::Prefer);
            Manager::from_config(config, MakeRustlsConnect::new(unverified()?), recycling)
        }
        Mode::Verified => {
            config.ssl_mode(SslMode::Require);
            let client = verified(tls.roots.as_deref())?;
            Manager::from_config(config, MakeRustlsConnect::new(client), recycling)
        }
    };
    Pool::builder(manager)
        .max_size(options.pool_size)
        // Few of them are at work, and those have prepared what is asked and have it at hand.
        .queue_mode(QueueMode::Lifo)
        .runtime(Runtime::Tokio1)
        .wait_timeout(Some(options.connect_timeout))
        .create_timeout(Some(2 * options.connect_timeout))
        .recycle_timeout(Some(options.connect_timeout))
        .build()
        .map_err(Error::internal)
}

/// What the URL says about TLS.
struct Tls {
    mode: Mode,
    roots: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Never,
    IfOffered,
    Verified,
}

/// Takes what concerns TLS out of the URL, because the driver knows fewer words than libpq. A word nobody knows stays in,
/// and the driver refuses it.
fn split_tls(url: &str) -> (String, Tls) {
    let mut tls = Tls { mode: Mode::IfOffered, roots: None };
    let Some((base, query)) = url.split_once('?') else { return (url.to_owned(), tls) };
    let mut kept = Vec::new();
    for pair in query.split('&') {
        match pair.split_once('=') {
            Some(("sslmode", "disable")) => tls.mode = Mode::Never,
            Some(("sslmode", "allow" | "prefer")) => tls.mode = Mode::IfOffered,
            Some(("sslmode", "require" | "verify-ca" | "verify-full")) => tls.mode = Mode::Verified,
            Some(("sslrootcert", path)) => tls.roots = Some(path.replace("%2F", "/")),
            _ => kept.push(pair),
        }
    }
    (format!("{base}?{}", kept.join("&")), tls)
}

fn builder() -> Result<rustls::ConfigBuilder<rustls::ClientConfig, rustls::WantsVerifier>> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(Error::internal)
}

fn verified(roots_file: Option<&str>) -> Result<rustls::ClientConfig> {
    let mut roots = rustls::RootCertStore::empty();
    match roots_file {
        Some(path) => {
            for certificate in CertificateDer::pem_file_iter(path).map_err(Error::internal)? {
                roots.add(certificate.map_err(Error::internal)?).map_err(Error::internal)?;
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    if roots.is_empty() {
        return Err(Error::invalid(
            "database.url",
            "no_roots",
            "There is no root certificate to verify the server with.",
        ));
    }
    Ok(builder()?.with_root_certificates(roots).with_no_client_auth())
}

/// Encryption without knowing with whom, as `prefer` means in libpq: against listeners only.
fn unverified() -> Result<rustls::ClientConfig> {
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let anybody = Arc::new(anybody::Anybody(provider.signature_verification_algorithms));
    Ok(builder()?.dangerous().with_custom_certificate_verifier(anybody).with_no_client_auth())
}

mod anybody {
    use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
    use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
    use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
    use rustls::{DigitallySignedStruct, Error, SignatureScheme};

    /// Accepts every certificate whose key signs the handshake.
    #[derive(Debug)]
    pub(super) struct Anybody(pub WebPkiSupportedAlgorithms);

    impl ServerCertVerifier for Anybody {
        fn verify_server_cert(
            &self,
            _: &CertificateDer<'_>,
            _: &[CertificateDer<'_>],
            _: &ServerName<'_>,
            _: &[u8],
            _: UnixTime,
        ) -> Result<ServerCertVerified, Error> {
            Ok(ServerCertVerified::assertion())
        }

        fn verify_tls12_signature(
            &self,
            message: &[u8],
            cert: &CertificateDer<'_>,
            dss: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            verify_tls12_signature(message, cert, dss, &self.0)
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            cert: &CertificateDer<'_>,
            dss: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            verify_tls13_signature(message, cert, dss, &self.0)
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            self.0.supported_schemes()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sslmode_is_read_in_libpqs_words() {
        for (url, left, mode) in [
            ("postgres://h/d", "postgres://h/d", Mode::IfOffered),
            ("postgres://h/d?sslmode=disable", "postgres://h/d?", Mode::Never),
            ("postgres://h/d?a=b&sslmode=verify-full", "postgres://h/d?a=b", Mode::Verified),
            ("postgres://h/d?sslmode=sometimes", "postgres://h/d?sslmode=sometimes", Mode::IfOffered),
        ] {
            let (kept, tls) = split_tls(url);
            assert_eq!((kept.as_str(), tls.mode), (left, mode));
        }
        assert_eq!(split_tls("postgres://h/d?sslrootcert=%2Fa.pem").1.roots.as_deref(), Some("/a.pem"));
    }
}
