package config

import (
	"errors"
	"os"
)

// Faults lists what is wrong with the values of a gatehouse.yaml, passing over fields that there are not, so that one of these does not
// hide the others. A nil list does not mean that Load takes the file.
func Faults(path string) []*Error {
	_, err := loadAs(path)
	return Placed(err)
}

// InventoryFaults does for targets.yaml what Faults does for gatehouse.yaml.
func InventoryFaults(path string) []*Error {
	data, err := os.ReadFile(path)
	if err == nil {
		_, err = parseInventory(path, data)
	}
	return Placed(err)
}

// Placed takes joined errors apart; what has no place is not a fault of the file.
func Placed(err error) []*Error {
	var out []*Error
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			out = append(out, Placed(e)...)
		}
		return out
	}
	if one := (*Error)(nil); errors.As(err, &one) {
		out = append(out, one)
	}
	return out
}
