package main

import (
	"fmt"
	"net"
	"strconv"
	"time"

	"go.temporal.io/server/common/cluster"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/dynamicconfig"
	"go.temporal.io/server/common/membership/static"
	"go.temporal.io/server/common/primitives"
)

// historyShards is fixed when the database is created and can never change
// afterwards: the server refuses to start on another number. Four keep two
// cores busy and cost few connections and timers.
const historyShards = 4

// layout holds the gRPC port of each service on the one loopback address.
type layout struct {
	ip    string
	ports map[primitives.ServiceName]int
}

// pickPorts resolves the frontend's address and finds a free port for every
// service that has none.
func pickPorts(address string) (layout, error) {
	host, portText, err := net.SplitHostPort(address)
	if err != nil {
		return layout{}, fmt.Errorf("address %q: %w", address, err)
	}
	// Nothing here authenticates a caller, so only this machine may call.
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return layout{}, fmt.Errorf("address %q: temporald has no authentication and serves loopback addresses only", address)
	}
	port, err := strconv.Atoi(portText)
	if err != nil || port < 0 || port > 65535 {
		return layout{}, fmt.Errorf("address %q: bad port", address)
	}
	l := layout{ip: host, ports: map[primitives.ServiceName]int{primitives.FrontendService: port}}
	for _, service := range []primitives.ServiceName{
		primitives.FrontendService, primitives.HistoryService, primitives.MatchingService, primitives.WorkerService,
	} {
		if l.ports[service] != 0 {
			continue
		}
		if l.ports[service], err = freePort(net.JoinHostPort(host, "0")); err != nil {
			return layout{}, err
		}
	}
	return l, nil
}

func (l layout) address(service primitives.ServiceName) string {
	return net.JoinHostPort(l.ip, strconv.Itoa(l.ports[service]))
}

func (l layout) frontend() string { return l.address(primitives.FrontendService) }

// hosts tells each service where the others are. A fixed list needs no gossip
// between them: fewer ports, no waiting to join, and a predecessor that was
// killed leaves nobody behind who is still believed to be alive.
func (l layout) hosts() map[primitives.ServiceName]static.Hosts {
	hosts := make(map[primitives.ServiceName]static.Hosts, len(l.ports))
	for service := range l.ports {
		hosts[service] = static.SingleLocalHost(l.address(service))
	}
	return hosts
}

func serverConfig(l layout, state, visibility *config.SQL) *config.Config {
	const active, disabled = "active", "disabled"
	services := make(map[string]config.Service, len(l.ports))
	for service, port := range l.ports {
		services[string(service)] = config.Service{RPC: config.RPC{GRPCPort: port, BindOnIP: l.ip}}
	}
	return &config.Config{
		Global: config.Global{Membership: config.Membership{
			MaxJoinDuration:  30 * time.Second,
			BroadcastAddress: l.ip,
		}},
		Persistence: config.Persistence{
			DefaultStore:     "state",
			VisibilityStore:  "visibility",
			NumHistoryShards: historyShards,
			DataStores: map[string]config.DataStore{
				"state":      {SQL: state},
				"visibility": {SQL: visibility},
			},
		},
		ClusterMetadata: &cluster.Config{
			FailoverVersionIncrement: 10,
			MasterClusterName:        active,
			CurrentClusterName:       active,
			ClusterInformation: map[string]cluster.ClusterInformation{active: {
				Enabled:                true,
				InitialFailoverVersion: 1,
				RPCAddress:             l.frontend(),
			}},
		},
		DCRedirectionPolicy: config.DCRedirectionPolicy{Policy: "noop"},
		Services:            services,
		PublicClient:        config.PublicClient{HostPort: l.frontend()},
		Archival: config.Archival{
			History:    config.HistoryArchival{State: disabled},
			Visibility: config.VisibilityArchival{State: disabled},
		},
		NamespaceDefaults: config.NamespaceDefaults{Archival: config.ArchivalNamespaceDefaults{
			History:    config.HistoryArchivalNamespaceDefaults{State: disabled},
			Visibility: config.VisibilityArchivalNamespaceDefaults{State: disabled},
		}},
	}
}

// smallMachine overrides the defaults that are meant for a fleet of hosts.
func smallMachine() dynamicconfig.StaticClient {
	const mebibyte = 1 << 20
	return dynamicconfig.StaticClient{
		// Partitions spread one task queue over several matching hosts. There
		// is one host, and each partition holds open polls and timers.
		dynamicconfig.MatchingNumTaskqueueReadPartitions.Key():  1,
		dynamicconfig.MatchingNumTaskqueueWritePartitions.Key(): 1,

		// Caches are counted in entries by default, however large they are.
		dynamicconfig.HistoryCacheSizeBasedLimit.Key():        true,
		dynamicconfig.HistoryCacheHostLevelMaxSizeBytes.Key(): 16 * mebibyte,
		dynamicconfig.EventsHostLevelCacheMaxSizeBytes.Key():  16 * mebibyte,
		dynamicconfig.EventsCacheMaxSizeBytes.Key():           mebibyte,

		// Workers inside the server that serve schedules and batch jobs, which
		// lendgate does not use.
		dynamicconfig.WorkerPerNamespaceWorkerCount.Key(): 0,
		dynamicconfig.WorkerStickyCacheSize.Key():         16,
	}
}
