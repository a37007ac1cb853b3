package store

// Check says beforehand whether UpdateTenant would refuse what is to be set; ErrSetting.
func (s TenantSet) Check() error {
	if s.Name != nil {
		if _, err := tenantName(*s.Name); err != nil {
			return err
		}
	}
	if s.Settings != nil {
		if err := s.Settings.check(); err != nil {
			return err
		}
	}
	if s.Policy != nil {
		if err := s.Policy.check(); err != nil {
			return err
		}
	}
	if s.Quota != nil {
		return s.Quota.check()
	}
	return nil
}
