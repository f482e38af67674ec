package protocol

// OpExportMove sets where an export goes on: ExportMove → ExportMoved; administrators only.
const OpExportMove Op = "export_move"

// ExportMove makes a sink go on from another entry of the audit log.
type ExportMove struct {
	Sink string `json:"sink"`
	From string `json:"from"` // start, now or an entry's number
	By   string `json:"by"`
}

// ExportMoved says which entry is next.
type ExportMoved struct {
	Next int64 `json:"next"`
}
