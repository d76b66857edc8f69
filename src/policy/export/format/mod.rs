//! The formats: what each is, who reads it, and the two commands that load it and compare it with the lists.
//!
//! Invariant: [`FORMATS`] is the only list of them. The command line, its help and the document are made from it or compared
//! with it.
//!
//! | file | noun |
//! | --- | --- |
//! | [`table`] | the rows |
//! | [`nft`] | nftables |
//! | [`packets`] | ipset, iptables |
//! | [`aws`] | managed prefix lists of AWS |
//! | [`clouds`] | Google Cloud, Azure, Cloudflare |
//! | [`terraform`] | Terraform |
//! | [`yaml`] | Kubernetes, Traefik, Envoy |
//! | [`haproxy`] | HAProxy |
//! | [`web`] | nginx, Caddy |
//! | [`plain`] | JSON and text |

mod aws;
mod clouds;
mod haproxy;
mod nft;
mod packets;
mod plain;
mod table;
mod terraform;
mod web;
mod yaml;

pub(crate) use self::table::{FORMATS, Format, Live, Takes, Where};

#[cfg(test)]
mod tests;
