package app

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/url"
	"os"
)

// EdgeTransport sends requests to the edge of a platform on this machine. With TLS it trusts the certificate that the edge was given, whoever
// issued it and for whatever name: the file is the operator's own.
func (p Platform) EdgeTransport() (http.RoundTripper, error) {
	if p.EdgeCertificate == "" {
		return http.DefaultTransport, nil
	}
	chain, err := os.ReadFile(p.EdgeCertificate)
	if err != nil {
		return nil, fmt.Errorf("the edge's certificate: %w", err)
	}
	block, _ := pem.Decode(chain)
	if block == nil {
		return nil, fmt.Errorf("the edge's certificate: %s holds no PEM block", p.EdgeCertificate)
	}
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("the edge's certificate: %w", err)
	}
	edge, err := url.Parse(p.EdgeURL)
	if err != nil {
		return nil, fmt.Errorf("the edge's address: %w", err)
	}
	trust := &tls.Config{RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS12}
	trust.RootCAs.AppendCertsFromPEM(chain)
	if leaf.VerifyHostname(edge.Hostname()) != nil && len(leaf.DNSNames) > 0 {
		trust.ServerName = leaf.DNSNames[0] // It is for a name that leads here from outside.
	}
	return &http.Transport{TLSClientConfig: trust, ForceAttemptHTTP2: true, Proxy: http.ProxyFromEnvironment}, nil
}
