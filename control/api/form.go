// SPDX-License-Identifier: Apache-2.0

package api

import (
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"enishi.dev/enishi/aws/awserr"
)

// maxBody is far more than any request of these services needs.
const maxBody = 1 << 20

// form returns the parameters of the request: those of the query, and of a
// POST's body, as AWS takes both.
func (r *exchange) form() (url.Values, error) {
	if len(r.body) > maxBody {
		e := awserr.New("RequestEntityTooLarge", "The request is larger than %d bytes.", maxBody)
		e.Status = http.StatusRequestEntityTooLarge
		return nil, e
	}
	_, text, _ := strings.Cut(r.forwarded.URI, "?")
	switch r.forwarded.Method {
	case http.MethodGet:
	case http.MethodPost:
		kind, _, err := mime.ParseMediaType(r.forwarded.Header.Get("Content-Type"))
		if err != nil || kind != "application/x-www-form-urlencoded" {
			return nil, awserr.New("InvalidRequest", "The request must have the content type application/x-www-form-urlencoded.")
		}
		text = strings.Trim(text+"&"+string(r.body), "&")
	default:
		e := awserr.New("InvalidRequest", "The method %s is not supported.", r.forwarded.Method)
		e.Status = http.StatusMethodNotAllowed
		return nil, e
	}
	form, err := url.ParseQuery(text)
	if err != nil {
		return nil, awserr.New("MalformedQueryString", "The query string contains a syntax error.")
	}
	for name, values := range form {
		if strings.HasPrefix(name, "X-Amz-") { // the signature of a presigned request
			delete(form, name)
		} else if len(values) > 1 {
			return nil, awserr.New("InvalidQueryParameter", "The parameter %s is given more than once.", name)
		}
	}
	return form, nil
}

// action returns the row that the form names, and takes the name from the form. The
// service is the version that the form names from then on.
func (r *exchange) action(form url.Values) (Action, error) {
	name, version := form.Get("Action"), form.Get("Version")
	r.call.Action = name
	if name == "" {
		return Action{}, awserr.New("MissingAction", "The request is missing an action or a required parameter.")
	}
	if version == "" {
		return Action{}, awserr.New("MissingParameter", "The request must contain the parameter Version")
	}
	versions := r.s.services[r.service.Name]
	i := slices.IndexFunc(versions, func(s Service) bool { return s.Version == version })
	if i < 0 {
		return Action{}, awserr.New("NoSuchVersion", "The requested version (%s) of service %s does not exist", version, r.service.Name)
	}
	r.service = &versions[i]
	action, ok := r.service.Actions[name]
	if slices.Contains(r.service.Others, name) {
		return Action{}, awserr.New("NotImplemented", "The action %s is not available here.", name)
	}
	if !ok {
		return Action{}, awserr.New("InvalidAction", "The action %s is not valid for this web service.", name)
	}
	delete(form, "Action")
	delete(form, "Version")
	return action, nil
}
