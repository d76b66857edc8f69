//! The recipes of docs/fronts.md, one file for each proxy: how it is started from the text, and what it must show.

mod caddy;
mod envoy;
mod haproxy;
mod nginx;
mod traefik;
