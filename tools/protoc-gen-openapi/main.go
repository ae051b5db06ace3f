// Command protoc-gen-openapi generates, from the contracts and their REST rules, what the edge serves by and what describes it: a table of
// bindings in Go, and a document in OpenAPI 3.1.
//
// The rules are a file of google.api.Http in text form (option rules=…). Every RPC that is generated for needs a rule and every rule an RPC;
// what breaks the rules of the house, or what the edge does not serve, stops the generation with the name of the RPC. The words of the
// document are the contract's own comments, its bounds are protovalidate's rules.
//
// It is a plugin of its own because the ready ones write OpenAPI 3.0 (gnostic), are unfinished by their own word (grpc-gateway's for 3.1),
// and know neither protovalidate nor our options.
package main

import (
	"errors"
	"flag"
	"fmt"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/types/pluginpb"
)

func main() {
	var flags flag.FlagSet
	rules := flags.String("rules", "", "file of google.api.Http in text form")
	protogen.Options{ParamFunc: flags.Set}.Run(func(plugin *protogen.Plugin) error {
		plugin.SupportedFeatures = uint64(pluginpb.CodeGeneratorResponse_FEATURE_PROTO3_OPTIONAL)
		return generate(plugin, *rules)
	})
}

// generate writes both files.
func generate(plugin *protogen.Plugin, rulesFile string) error {
	options, err := newOptionReader(plugin)
	if err != nil {
		return err
	}
	rules, err := readRules(rulesFile)
	if err != nil {
		return err
	}
	var bindings []binding
	var faults []error
	for _, file := range plugin.Files {
		if !file.Generate {
			continue
		}
		for _, service := range file.Services {
			for _, method := range service.Methods {
				bound, err := bind(method, rules, options)
				if err != nil {
					faults = append(faults, fmt.Errorf("%s: %w", method.Desc.FullName(), err))
				}
				bindings = append(bindings, bound...)
			}
		}
	}
	faults = append(faults, conflicts(bindings)...)
	for selector := range rules {
		faults = append(faults, fmt.Errorf("%s: a rule for no RPC", selector))
	}
	if len(faults) > 0 {
		return errors.Join(faults...)
	}
	document, err := describe(bindings, options)
	if err != nil {
		return err
	}
	if _, err := plugin.NewGeneratedFile("openapi.yaml", "").Write(document); err != nil {
		return err
	}
	generateTable(plugin, bindings)
	return nil
}
