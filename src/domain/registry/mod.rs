//! The register: persons, documents, institutions and the relations between them.
