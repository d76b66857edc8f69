//! The token: who gets one, and what it opens.
