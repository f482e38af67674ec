package ocsf

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/valllabh/ocsf-schema-golang/ocsf/v1_2_0/events/application"
	"github.com/valllabh/ocsf-schema-golang/ocsf/v1_2_0/events/findings"
	"github.com/valllabh/ocsf-schema-golang/ocsf/v1_2_0/events/iam"
	"github.com/valllabh/ocsf-schema-golang/ocsf/v1_2_0/events/network"
	others "github.com/valllabh/ocsf-schema-golang/ocsf/v1_2_0/events/other"
	"github.com/valllabh/ocsf-schema-golang/ocsf/v1_2_0/events/system"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// definitions are the classes of OCSF 1.2.0 as the library was generated from the schema: names, types and enumerations.
var definitions = map[int]proto.Message{
	0: &others.BaseEvent{}, 1007: &system.ProcessActivity{}, 2004: &findings.DetectionFinding{}, 3001: &iam.AccountChange{}, 3002: &iam.Authentication{},
	3003: &iam.AuthorizeSession{}, 3004: &iam.EntityManagement{}, 4007: &network.SshActivity{}, 6002: &application.ApplicationLifecycle{}, 6003: &application.ApiActivity{},
}

// The library leaves out what the schema requires: these tables have it, by class and by object. A "|" stands between attributes of
// which one is enough.
var (
	requiredOfAll   = []string{"activity_id", "category_uid", "class_uid", "metadata", "severity_id", "time", "type_uid"}
	requiredOfClass = map[int][]string{
		1007: {"actor", "device", "process"}, 2004: {"finding_info"}, 3001: {"user"}, 3002: {"user", "service|dst_endpoint"}, 3003: {"user", "privileges|group"},
		3004: {"entity"}, 4007: {"dst_endpoint"}, 6002: {"app"}, 6003: {"actor", "api", "src_endpoint"},
	}
	requiredOfObject = map[string][]string{
		"Metadata": {"product", "version"}, "Product": {"vendor_name", "name"}, "User": {"account|name|uid"}, "Actor": {"process|user|invoked_by|session"},
		"Device": {"type_id", "ip|uid|name|hostname|instance_uid|interface_uid|interface_name"}, "Process": {"pid|uid"}, "Api": {"operation"}, "FindingInfo": {"title", "uid"},
		"ManagedEntity": {"name|uid"}, "Observable": {"name", "type_id"}, "NetworkEndpoint": {"ip|uid|name|hostname|svc_name|instance_uid|interface_uid|interface_name"}, "Service": {"name|uid"},
	}
)

// validate holds an event against its class and returns what does not fit.
func validate(text []byte) (faults []string) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var event map[string]any
	if err := dec.Decode(&event); err != nil {
		return []string{err.Error()}
	}
	uid, activity := number(event["class_uid"]), number(event["activity_id"])
	class, ok := definitions[int(uid)]
	if !ok {
		return []string{fmt.Sprintf("class %v is not in the judge's list", event["class_uid"])}
	}
	if bytes.ContainsRune(text, '\n') {
		faults = append(faults, "more than one line")
	}
	if number(event["type_uid"]) != uid*100+activity {
		faults = append(faults, "type_uid is not class and activity")
	}
	if m, ok := event["metadata"].(map[string]any); !ok || m["version"] != Version {
		faults = append(faults, "metadata.version")
	}
	faults = append(faults, lacks("", event, requiredOfAll)...)
	faults = append(faults, lacks("", event, requiredOfClass[int(uid)])...)
	return append(faults, object("", event, class.ProtoReflect().Descriptor())...)
}

func number(v any) int64 {
	n, ok := v.(json.Number)
	if !ok {
		return -1
	}
	i, err := n.Int64()
	if err != nil {
		return -1
	}
	return i
}

func lacks(at string, have map[string]any, required []string) (faults []string) {
	for _, want := range required {
		if !slices.ContainsFunc(strings.Split(want, "|"), func(name string) bool { v, ok := have[name]; return ok && v != nil && v != "" }) {
			faults = append(faults, at+want+" is required")
		}
	}
	return faults
}

// object compares names and values with a definition.
func object(at string, have map[string]any, want protoreflect.MessageDescriptor) (faults []string) {
	faults = lacks(at, have, requiredOfObject[string(want.Name())])
	for _, name := range slices.Sorted(maps.Keys(have)) {
		field := want.Fields().ByName(protoreflect.Name(name))
		switch {
		case field == nil:
			faults = append(faults, fmt.Sprintf("%s%s: %s has no such attribute", at, name, want.Name()))
		case name == "unmapped": // anything
		case field.IsList():
			list, ok := have[name].([]any)
			if !ok {
				faults = append(faults, fmt.Sprintf("%s%s is no list", at, name))
			}
			for i, v := range list {
				faults = append(faults, value(fmt.Sprintf("%s%s[%d]", at, name, i), v, field)...)
			}
		default:
			faults = append(faults, value(at+name, have[name], field)...)
		}
	}
	return faults
}

func value(at string, v any, field protoreflect.FieldDescriptor) []string {
	ok := false
	switch field.Kind() {
	case protoreflect.MessageKind:
		inner, is := v.(map[string]any)
		if is {
			return object(at+".", inner, field.Message())
		}
	case protoreflect.EnumKind:
		n, is := v.(json.Number)
		if is {
			i, err := n.Int64()
			ok = err == nil && field.Enum().Values().ByNumber(protoreflect.EnumNumber(i)) != nil
		}
	case protoreflect.StringKind:
		_, ok = v.(string)
	case protoreflect.BoolKind:
		_, ok = v.(bool)
	case protoreflect.Int32Kind, protoreflect.Int64Kind:
		n, is := v.(json.Number)
		if is {
			_, err := n.Int64()
			ok = err == nil
		}
	}
	if !ok {
		return []string{fmt.Sprintf("%s is %v, want a %s", at, v, field.Kind())}
	}
	return nil
}
