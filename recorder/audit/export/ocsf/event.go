package ocsf

import "encoding/json"

// event holds the attributes of all classes in use; each class fills in its own.
type event struct {
	ActivityID   int          `json:"activity_id"`
	ActivityName string       `json:"activity_name,omitempty"`
	CategoryUID  int          `json:"category_uid"`
	ClassUID     int          `json:"class_uid"`
	ClassName    string       `json:"class_name"`
	TypeUID      int64        `json:"type_uid"`
	Time         int64        `json:"time"` // ms since 1970
	SeverityID   int          `json:"severity_id"`
	Severity     string       `json:"severity"`
	StatusID     int          `json:"status_id"`
	Status       string       `json:"status"`
	StatusDetail string       `json:"status_detail,omitempty"`
	Message      string       `json:"message"`
	Metadata     metadata     `json:"metadata"`
	Observables  []observable `json:"observables"`
	Unmapped     unmapped     `json:"unmapped"`

	Actor       *actor    `json:"actor,omitempty"`
	User        *user     `json:"user,omitempty"`
	Session     *session  `json:"session,omitempty"`
	Service     *service  `json:"service,omitempty"`
	Privileges  []string  `json:"privileges,omitempty"`
	Entity      *entity   `json:"entity,omitempty"`
	Comment     string    `json:"comment,omitempty"`
	Device      *device   `json:"device,omitempty"`
	Process     *process  `json:"process,omitempty"`
	ExitCode    *int      `json:"exit_code,omitempty"`
	API         *api      `json:"api,omitempty"`
	App         *product  `json:"app,omitempty"`
	FindingInfo *info     `json:"finding_info,omitempty"`
	SrcEndpoint *endpoint `json:"src_endpoint,omitempty"`
	DstEndpoint *endpoint `json:"dst_endpoint,omitempty"`
	IsRemote    bool      `json:"is_remote,omitempty"`
}

type metadata struct {
	Version        string  `json:"version"`
	Product        product `json:"product"`
	UID            string  `json:"uid"`
	Sequence       int64   `json:"sequence"`
	EventCode      string  `json:"event_code"`
	LogName        string  `json:"log_name"`
	LogProvider    string  `json:"log_provider"`
	LoggedTime     int64   `json:"logged_time"`
	CorrelationUID string  `json:"correlation_uid,omitempty"`
}

type product struct {
	Name       string `json:"name"`
	VendorName string `json:"vendor_name"`
}

type observable struct {
	Name   string `json:"name"`
	TypeID int    `json:"type_id"`
	Type   string `json:"type"`
	Value  string `json:"value"`
}

// unmapped are the entry's own fields.
type unmapped struct {
	Leaf    string          `json:"leaf"`
	Node    string          `json:"node,omitempty"`
	Owner   string          `json:"owner,omitempty"`
	Task    string          `json:"task,omitempty"`
	Via     string          `json:"via,omitempty"`
	Conn    string          `json:"conn,omitempty"`
	Session string          `json:"session,omitempty"`
	Target  string          `json:"target,omitempty"`
	Login   string          `json:"login,omitempty"`
	Object  string          `json:"object,omitempty"`
	Outcome string          `json:"outcome,omitempty"`
	Rule    string          `json:"rule,omitempty"`
	Policy  string          `json:"policy,omitempty"`
	Serial  string          `json:"serial,omitempty"`
	Data    json.RawMessage `json:"data,omitempty"`
}

type actor struct {
	User    *user    `json:"user"`
	Session *session `json:"session,omitempty"`
}

type user struct {
	Name   string `json:"name"`
	TypeID int    `json:"type_id"`
	Type   string `json:"type"`
}

type session struct {
	UID    string `json:"uid"`
	Issuer string `json:"issuer,omitempty"`
}

type service struct {
	Name string `json:"name"`
}

type entity struct {
	Name    string `json:"name,omitempty"`
	UID     string `json:"uid,omitempty"`
	Type    string `json:"type"`
	Version string `json:"version,omitempty"`
}

type device struct {
	Hostname string `json:"hostname"`
	TypeID   int    `json:"type_id"`
	Type     string `json:"type"`
}

type process struct {
	UID     string `json:"uid"`
	Name    string `json:"name,omitempty"`
	CmdLine string `json:"cmd_line,omitempty"`
	User    *user  `json:"user,omitempty"`
}

type api struct {
	Operation string   `json:"operation"`
	Service   *service `json:"service,omitempty"`
}

type info struct {
	Title string `json:"title"`
	UID   string `json:"uid"`
	Desc  string `json:"desc,omitempty"`
}

type endpoint struct {
	Hostname string `json:"hostname,omitempty"`
	IP       string `json:"ip,omitempty"`
	Name     string `json:"name,omitempty"`
}
