package main

import (
	"encoding/json"

	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	shim "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfshim"
)

type object = map[string]any

// packageSchema returns the plugin's inputs as a Pulumi package schema. It is derived at run time, because
// the bridge's own generator would add code generators for seven languages to the build.
func packageSchema(info tfbridge.ProviderInfo) string {
	resources := object{}
	info.P.ResourcesMap().Range(func(key string, res shim.Resource) bool {
		if mapped := info.Resources[key]; mapped != nil {
			inputs, required := properties(res.Schema(), mapped.Fields)
			resources[string(mapped.Tok)] = object{"inputProperties": inputs, "requiredInputs": required}
		}
		return true
	})
	config, _ := properties(info.P.Schema(), info.Config)
	text, err := json.Marshal(object{
		"name": name, "version": version, "resources": resources,
		"config": object{"variables": config}, "provider": object{"inputProperties": config},
	})
	if err != nil {
		panic(err) // impossible: it has only maps, slices and strings
	}
	return string(text)
}

func properties(fields shim.SchemaMap, infos map[string]*tfbridge.SchemaInfo) (object, []string) {
	found, required := object{}, []string{}
	fields.Range(func(key string, field shim.Schema) bool {
		if !field.Optional() && !field.Required() {
			return true
		}
		property := tfbridge.TerraformToPulumiNameV2(key, fields, infos)
		found[property] = propertyType(field, infos[key])
		if field.Required() {
			required = append(required, property)
		}
		return true
	})
	return found, required
}

func propertyType(field shim.Schema, info *tfbridge.SchemaInfo) object {
	switch field.Type() {
	case shim.TypeBool:
		return object{"type": "boolean"}
	case shim.TypeInt:
		return object{"type": "integer"}
	case shim.TypeFloat:
		return object{"type": "number"}
	case shim.TypeList, shim.TypeSet:
		if tfbridge.IsMaxItemsOne(field, info) {
			return elementType(field)
		}
		return object{"type": "array", "items": elementType(field)}
	case shim.TypeMap:
		return object{"type": "object", "additionalProperties": elementType(field)}
	default:
		return object{"type": "string"}
	}
}

func elementType(field shim.Schema) object {
	switch element := field.Elem().(type) {
	case shim.Resource:
		nested, required := properties(element.Schema(), nil)
		return object{"type": "object", "properties": nested, "required": required}
	case shim.Schema:
		return propertyType(element, nil)
	default:
		return object{"type": "string"}
	}
}
