# Builds weir and puts it, with libpcap and nothing else, into a small image that runs as an ordinary user:
#
#   docker build -t weir .
#   docker run --rm -v "$PWD:/data:ro" weir replay /data/capture.pcap
FROM golang:1.26-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends libpcap-dev && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=
ARG COMMIT=
RUN go build -trimpath -buildvcs=false -ldflags "-s -w -X main.version=$VERSION -X main.commit=$COMMIT" -o /weir ./cmd/weir

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends libpcap0.8 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin weir
COPY --from=build /weir /usr/local/bin/weir
COPY LICENSE /usr/share/doc/weir/LICENSE
USER weir
WORKDIR /data
ENTRYPOINT ["weir"]
