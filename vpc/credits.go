// SPDX-License-Identifier: Apache-2.0

package vpc

import (
	"enishi.dev/enishi/aws/awserr"
	"enishi.dev/enishi/aws/instancetype"
)

// How a burstable instance may go on when it has used up its processor credits. Here
// none are counted.
const (
	CreditsStandard  = "standard"
	CreditsUnlimited = "unlimited"
)

// Credits is the instance's credit option: the one that was chosen, or else the usual
// one of its type. What is not burstable is standard.
func (i Instance) Credits() string {
	if i.CPUCredits != "" {
		return i.CPUCredits
	}
	if t, _ := instancetype.Of(i.Type); t.Unlimited() {
		return CreditsUnlimited
	}
	return CreditsStandard
}

// SetCredits chooses another credit option.
func (i Instance) SetCredits(option string) (Instance, error) {
	if option == "" {
		return i, awserr.New("MissingParameter", "The request must contain the parameter CpuCredits")
	}
	if err := checkCredits(i.Type, option); err != nil {
		return i, err
	}
	i.CPUCredits = option
	return i, nil
}

// checkCredits refuses an option that is none, or that the type does not know; "" is none.
func checkCredits(instanceType, option string) error {
	t, _ := instancetype.Of(instanceType)
	switch {
	case option == "":
		return nil
	case option != CreditsStandard && option != CreditsUnlimited:
		return awserr.New("InvalidParameterValue", "Value (%s) for parameter cpuCredits is invalid. Expecting standard or unlimited.", option)
	case !t.Burstable:
		return awserr.New("InstanceCreditSpecification.NotSupported", "The %s instance type does not support CPU credit options.", instanceType)
	}
	return nil
}
