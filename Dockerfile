# Builds weir and puts it, with libpcap and nothing else, into a small image that runs as an ordinary user:
#
#   docker build -t weir .
#   docker run --rm -v "$PWD:/data:ro" weir replay /data/capture.pcap
#
# The target live captures on the host's interfaces, as an ordinary user with CAP_NET_RAW alone:
#
#   docker build --target live -t weir-live .
#   docker run --rm --network host --cap-drop ALL --cap-add NET_RAW --read-only -v weir:/var/lib/weir weir-live -i eth0
FROM golang:1.26-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends libpcap-dev && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=
ARG COMMIT=
RUN go build -trimpath -buildvcs=false -ldflags "-s -w -X main.version=$VERSION -X main.commit=$COMMIT" -o /weir ./cmd/weir

FROM debian:bookworm-slim AS base
RUN apt-get update && apt-get install -y --no-install-recommends libpcap0.8 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin weir
COPY --from=build /weir /usr/local/bin/weir
COPY LICENSE /usr/share/doc/weir/LICENSE
USER weir

# A program whose file has a capability does not start where the container may not have it, so this is an image of its own.
FROM base AS live
USER root
RUN apt-get update && apt-get install -y --no-install-recommends libcap2-bin \
 && setcap cap_net_raw=ep /usr/local/bin/weir \
 && apt-get purge -y --auto-remove libcap2-bin && rm -rf /var/lib/apt/lists/* \
 && install -d -o weir /var/lib/weir
USER weir
WORKDIR /var/lib/weir
ENTRYPOINT ["weir", "live", "--out", "/var/lib/weir"]

FROM base
WORKDIR /data
ENTRYPOINT ["weir"]
