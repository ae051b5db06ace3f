package app

import (
	"fmt"
	"io"
	"path/filepath"

	"github.com/lendgate/lendgate/bff/mobile"
	"github.com/lendgate/lendgate/web"
)

// printTable says that the platform is ready, where everything is and what to do next.
func printTable(out io.Writer, config Config, platform Platform, m *machine, people []person, seconds float64) {
	row := func(name, what string) { fmt.Fprintf(out, "  %-16s %s\n", name, what) }
	fmt.Fprintf(out, "\nlendgate is ready (%.1f s)\n\n", seconds)
	row("Edge", platform.EdgeURL+"  (Connect, gRPC, gRPC-Web, REST)")
	row("Cabinet", platform.EdgeURL+web.CabinetPath+"  (the borrower's pages)")
	row("Websocket", platform.EdgeURL+mobile.RealtimePath)
	row("Services", platform.Services["loans"]+"  (our own processes only)")
	row("Operations", platform.Processes[0].OpsURL+"/readyz, /healthz, /metrics")
	row("Third parties", platform.SimulatorsURL+"  (simulators: text messages, bank, push)")
	for _, p := range m.parts {
		row(p.name, p.what)
	}
	row("Log", filepath.Join(config.DataDir, "lendgate.log"))
	if len(people) > 0 {
		fmt.Fprint(out, "\n  Demo people (the code is good at every login)\n")
		for _, p := range people {
			row("  "+p.name, p.phone+"  code "+p.code)
		}
	}
	printDemoStaff(out, config, row)
	printDemoPartner(out, config, row)
	fmt.Fprint(out, `
  Next
    make demo                       a phone takes a loan, pays it back, and the books are checked
    go run ./cmd/lendgate listen    every event of the platform, a line each, as it happens
    go run ./cmd/lendgate doctor    what runs, how much memory it takes, what is wrong
    curl -s '`+platform.EdgeURL+`/lendgate.mobile.v1.AppService/GetAppConfig?connect=v1&encoding=json&message=%7B%7D'

  Ctrl-C stops everything.
`)
}

// printDemoPartner says who the demo shop is and how to be it. With lenders of the operator's own there is none.
func printDemoPartner(out io.Writer, config Config, row func(name, what string)) {
	key, err := ReadDemoPartnerKey(config.DataDir)
	if err != nil || config.TenantsFile != "" {
		return
	}
	fmt.Fprint(out, "\n  Demo partner (a shop's server; it signs its requests by this key)\n")
	row("  "+DemoPartner, "key "+key.ID)
	row("  Private key", demoPartnerFile(config.DataDir))
	row("  Try it", "go run ./cmd/lendgate trigger partner-quote")
}
