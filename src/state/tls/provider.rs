//! The cryptography that everything here uses.

use std::sync::{Arc, LazyLock};

use rustls::crypto::{CryptoProvider, ring};

/// The cryptography that everything here uses.
pub(crate) static PROVIDER: LazyLock<Arc<CryptoProvider>> =
    LazyLock::new(|| Arc::new(ring::default_provider()));
