package localpg

import "strconv"

// settings fit the server to a laptop that runs the whole platform beside it.
// They are given on the command line at each start, so that a new release of
// lendgate can change them for clusters that exist.
func settings(port int, durable bool) []string {
	s := []string{
		// Loopback with a password needs no unix socket, whose path may be no
		// longer than 107 bytes: less than many a home folder is deep.
		"listen_addresses=127.0.0.1",
		"port=" + strconv.Itoa(port),
		"unix_socket_directories=",
		"password_encryption=scram-sha-256",
		"authentication_timeout=10s",

		// Memory is paid for when touched. 64 MB hold the demo's working set.
		"shared_buffers=64MB",
		"work_mem=4MB",
		"maintenance_work_mem=32MB",
		"max_connections=200",
		"huge_pages=off",
		// In the data folder, where nothing is left over when a server is killed,
		// and not in /dev/shm, of which containers have little.
		"dynamic_shared_memory_type=mmap",
		// Our statements read few rows each: compiling them or spreading them
		// over processes costs more than it saves, and containers give parallel
		// workers too little shared memory.
		"jit=off",
		"max_parallel_workers_per_gather=0",
		"autovacuum_max_workers=1",

		// Nobody replicates from this server.
		"wal_level=minimal",
		"max_wal_senders=0",
		"min_wal_size=32MB",
		"max_wal_size=512MB",

		"timezone=UTC",
		"log_timezone=UTC",
		"lc_messages=C", // We read the log for "could not bind".
		"log_line_prefix=%m [%p] ",
		"log_min_duration_statement=2s",
		// Statements, their parameters and the details of errors may hold
		// personal data.
		"log_error_verbosity=terse",
		"log_min_error_statement=panic",
		"log_parameter_max_length=0",
	}
	if !durable {
		s = append(s, "fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off",
			"log_min_duration_statement=-1", "max_wal_size=128MB", "shared_buffers=32MB")
	}
	return s
}
