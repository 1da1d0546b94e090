# The image, for whoever has a container engine: docs/release.md says how to build it, also for several architectures.
# `make release` makes one without. The version of Rust is the one of rust-toolchain.toml.
FROM rust:1.95.0-bookworm AS build
# The compiler that is there, without the tools that rust-toolchain.toml asks for besides.
ENV RUSTUP_TOOLCHAIN=1.95.0
WORKDIR /crossrole
COPY . .
# The time of the last commit.
ARG SOURCE_DATE_EPOCH=0
RUN release/binary /out/crossrole

# Certificates, the user nonroot, and no shell.
FROM gcr.io/distroless/static-debian12:nonroot
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="crossrole" \
      org.opencontainers.image.description="A Kubernetes operator that keeps IAM roles true in many AWS accounts" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /out/crossrole /usr/bin/crossrole
USER 65532:65532
ENTRYPOINT ["/usr/bin/crossrole"]
