// SPDX-License-Identifier: Apache-2.0

package vpc

// State is the endpoint's state as it goes over the wire (reference 1.3),
// computed from what is wanted and what was observed.
func (e Endpoint) State() string {
	switch {
	case !e.Status.Gone.IsZero():
		return "deleted"
	case e.DeleteRequested:
		return "deleting"
	case e.Available():
		return "available"
	}
	return "pending"
}

// Available says that every name of the endpoint was reached since its last
// change. One without interfaces has nothing to reach.
func (e Endpoint) Available() bool {
	return !e.DeleteRequested && (e.Status.Ready >= e.Generation || len(e.ENIs) == 0)
}
