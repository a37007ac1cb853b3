package ical

import (
	"context"
	"os"
	"slices"
	"testing"
)

// secondOracle is what python-recurring-ical-events, at its head of 2026, finds
// from 2000 to 2025 in its own test calendars: how many events, the first and
// the last of them sorted as text. Days and floating times are read as UTC.
var secondOracle = []struct {
	file        string
	count       int
	first, last string
}{
	{"Germany.ics", 159, "20080101T000000Z/20080102T000000Z", "20201226T000000Z/20201227T000000Z"},
	{"after_many_events_in_order.ics", 7, "20240326T010000Z/20240330T070000Z", "20240329T000000Z/20240330T000000Z"},
	{"alarm_15_min_before_event_snoozed.ics", 1, "20241002T100000Z/20241002T110000Z", "20241002T100000Z/20241002T110000Z"},
	{"alarm_1_week_before_event.ics", 1, "20241209T110000Z/20241209T120000Z", "20241209T110000Z/20241209T120000Z"},
	{"alarm_absolute.ics", 1, "20241004T100000Z/20241004T110000Z", "20241004T100000Z/20241004T110000Z"},
	{"alarm_absolute_repeat.ics", 1, "20241004T100000Z/20241004T110000Z", "20241004T100000Z/20241004T110000Z"},
	{"alarm_around_event_boundaries.ics", 1, "20241004T100000Z/20241004T104500Z", "20241004T100000Z/20241004T104500Z"},
	{"alarm_at_start_of_event.ics", 1, "20241004T100000Z/20241004T110000Z", "20241004T100000Z/20241004T110000Z"},
	{"alarm_of_repeated_event.ics", 6, "20241001T090000Z/20241001T100000Z", "20241105T100000Z/20241105T110000Z"},
	{"alarm_recurring_and_acknowledged_at_2024_11_27_16_27.ics", 5, "20241126T140000Z/20241126T150000Z", "20241130T140000Z/20241130T150000Z"},
	{"alarm_removed_and_moved.ics", 6, "20241218T090000Z/20241218T100000Z", "20241223T090000Z/20241223T100000Z"},
	{"alarm_several_in_one.ics", 1, "20241220T130000Z/20241220T140000Z", "20241220T130000Z/20241220T140000Z"},
	{"alarms_at_the_same_time.ics", 3, "20241220T130000Z/20241220T140000Z", "20241222T130000Z/20241222T140000Z"},
	{"alarms_different_in_same_event.ics", 3, "20241220T130000Z/20241220T150000Z", "20241222T130000Z/20241222T150000Z"},
	{"daylight_saving_time.ics", 2452, "20170629T170000Z/20170629T200000Z", "20251231T180000Z/20251231T200000Z"},
	{"discourse_no_dtend.ics", 4, "20190117T170025Z/20190117T170025Z", "20190511T110021Z/20190511T180021Z"},
	{"duplicated_rrule.ics", 20, "20230112T100000Z/20230112T120000Z", "20230525T090000Z/20230525T110000Z"},
	{"duration.ics", 3, "20180110T000000Z/20180113T000000Z", "20180120T120000Z/20180120T120000Z"},
	{"duration_edited.ics", 3, "20190318T030000Z/20190318T040000Z", "20190320T030000Z/20190320T040000Z"},
	{"each_week_but_one_deleted.ics", 7, "20190303T233000Z/20190304T000000Z", "20190421T223000Z/20190421T230000Z"},
	{"each_week_but_two_deleted.ics", 6, "20190303T233000Z/20190304T000000Z", "20190421T223000Z/20190421T230000Z"},
	{"event_10_times.ics", 10, "20200113T064500Z/20200113T090000Z", "20200122T064500Z/20200122T090000Z"},
	{"fablab_cottbus.ics", 123, "20161203T130000Z/20161203T180000Z", "20251206T130000Z/20251206T160000Z"},
	{"issue_107_omitting_last_event.ics", 23, "20230105T180000Z/20230105T190000Z", "20230608T170000Z/20230608T180000Z"},
	{"issue_113_period_in_rdate.ics", 9, "20230920T190000Z/20230920T210000Z", "20240515T190000Z/20240515T210000Z"},
	{"issue_113_period_rdate_duration.ics", 2, "20240912T120000Z/20240912T130000Z", "20240913T120000Z/20240913T140000Z"},
	{"issue_128_only_first_event.ics", 7, "20231002T000000Z/20231009T000000Z", "20240318T000000Z/20240325T000000Z"},
	{"issue_148_exdate_and_rdate_unedited.ics", 3, "20240701T000000Z/20240702T000000Z", "20240729T000000Z/20240730T000000Z"},
	{"issue_151_macos_linux_difference.ics", 11, "20140802T013000Z/20140802T023000Z", "20250802T020000Z/20250802T030000Z"},
	{"issue_151_macos_linux_difference2.ics", 11, "20140802T013000Z/20140802T023000Z", "20250802T020000Z/20250802T030000Z"},
	{"issue_15_duplicated_events.ics", 3, "20130803T190000Z/20130803T210000Z", "20130803T190000Z/20130803T220000Z"},
	{"issue_164_duplicated_event.ics", 31, "20240401T000000Z/20240408T000000Z", "20251222T000000Z/20251229T000000Z"},
	{"issue_173_only_modifications_error.ics", 1054, "20221206T080000Z/20221206T090000Z", "20251230T131500Z/20251230T141500Z"},
	{"issue_179_example.ics", 26, "20001102T000000Z/20001103T000000Z", "20251102T000000Z/20251103T000000Z"},
	{"issue_186_invalid_trigger.ics", 1, "20241004T100000Z/20241004T110000Z", "20241004T100000Z/20241004T110000Z"},
	{"issue_18_cancel_status.ics", 3, "20200128T210000Z/20200128T220000Z", "20200130T210000Z/20200130T220000Z"},
	{"issue_201_mixed_datetime_and_date.ics", 1, "20230724T000000Z/20230817T000000Z", "20230724T000000Z/20230817T000000Z"},
	{"issue_20_exdate_ignored.ics", 7, "20191029T151500Z/20191029T164500Z", "20200128T151500Z/20200128T164500Z"},
	{"issue_223_one_event_with_sequence.ics", 2, "20190304T070000Z/20190304T073000Z", "20190305T070000Z/20190305T073000Z"},
	{"issue_223_thunderbird.ics", 5, "20250423T080000Z/20250423T090000Z", "20250427T080000Z/20250427T090000Z"},
	{"issue_243_recurrence_id_is_not_identical_to_dtstart.ics", 3775, "20150901T080000Z/20150901T100000Z", "20251231T080000Z/20251231T100000Z"},
	{"issue_253_edge_case_1.ics", 2, "20240701T000000Z/20240708T000000Z", "20240729T000000Z/20240804T000000Z"},
	{"issue_253_recurrence_id_included.ics", 2, "20240701T000000Z/20240708T000000Z", "20240729T000000Z/20240804T000000Z"},
	{"issue_27_t1.ics", 2, "20200426T120000Z/20200426T123000Z", "20200428T120000Z/20200428T123000Z"},
	{"issue_27_t2.ics", 2, "20200426T120000Z/20200426T123000Z", "20200428T120000Z/20200428T123000Z"},
	{"issue_28_rrule_with_UTC_endinginZ.ics", 24, "20200402T000000Z/20200403T000000Z", "20200910T000000Z/20200911T000000Z"},
	{"issue_36_recurrence_ID_format.ics", 555, "20200907T000000Z/20200908T000000Z", "20251229T000000Z/20251230T000000Z"},
	{"issue_4.ics", 357, "20190124T000000Z/20190125T000000Z", "20251225T000000Z/20251226T000000Z"},
	{"issue_44_double_event.ics", 1, "20200814T000000Z/20200815T000000Z", "20200814T000000Z/20200815T000000Z"},
	{"issue_48_daylight_aware_repeats.ics", 276, "20200921T103000Z/20200921T120000Z", "20251229T113000Z/20251229T130000Z"},
	{"issue_48_dst.ics", 3784, "20200915T131500Z/20200915T133000Z", "20251230T201500Z/20251230T203000Z"},
	{"issue_4_rrule_until.ics", 12, "20190801T130000Z/20190801T140000Z", "20191017T130000Z/20191017T140000Z"},
	{"issue_4_weidenrinde.ics", 2, "20190823T000000Z/20190824T000000Z", "20190830T000000Z/20190831T000000Z"},
	{"issue_62_moved_event.ics", 50, "20211126T203000Z/20211126T203000Z", "20251226T203000Z/20251226T203000Z"},
	{"issue_62_moved_event_2.ics", 6, "20230808T040000Z/20230808T050000Z", "20230824T000000Z/20230825T000000Z"},
	{"issue_97_simple_journal.ics", 0, "", ""},
	{"issue_97_simple_todo.ics", 0, "", ""},
	{"issue_97_todo_nodtstart.ics", 0, "", ""},
	{"machbar_16_feb_2019.ics", 2452, "20170629T170000Z/20170629T200000Z", "20251231T180000Z/20251231T200000Z"},
	{"multiple_rrule.ics", 22, "20230112T100000Z/20230112T120000Z", "20230525T090000Z/20230525T110000Z"},
	{"no_events.ics", 0, "", ""},
	{"one_day_event.ics", 1, "20190304T000000Z/20190305T000000Z", "20190304T000000Z/20190305T000000Z"},
	{"one_day_event_repeat_every_day.ics", 2495, "20190304T000000Z/20190305T000000Z", "20251231T000000Z/20260101T000000Z"},
	{"one_event.ics", 1, "20190304T070000Z/20190304T073000Z", "20190304T070000Z/20190304T073000Z"},
	{"one_event_repeat_every_3_days.ics", 832, "20190303T230000Z/20190304T000000Z", "20251229T230000Z/20251230T000000Z"},
	{"rdate.ics", 1189, "20130803T190000Z/20130803T210000Z", "20240803T190000Z/20240803T210000Z"},
	{"rdate2.ics", 594, "20140803T190000Z/20140803T210000Z", "20160319T190000Z/20160319T210000Z"},
	{"rdate_falls_on_rrule_until.ics", 8, "20191029T151500Z/20191029T164500Z", "20200204T151500Z/20200204T164500Z"},
	{"rdate_hackerpublicradio.ics", 12, "20130803T190000Z/20130803T210000Z", "20140705T190000Z/20140705T210000Z"},
	{"recurrence_sequence_number.ics", 278, "20200908T000000Z/20200909T000000Z", "20251230T000000Z/20251231T000000Z"},
	{"recurring_events_changed_duration.ics", 7, "20190307T010000Z/20190307T020000Z", "20190320T030000Z/20190320T040000Z"},
	{"recurring_events_moved.ics", 7, "20190307T010000Z/20190307T020000Z", "20190320T030000Z/20190320T040000Z"},
	{"same_event_recurring_at_same_time.ics", 6, "20240924T110000Z/20240924T120000Z", "20240926T110000Z/20240926T120000Z"},
	{"several_events_at_the_same_time.ics", 10, "20190304T070000Z/20190304T073000Z", "20190304T070000Z/20190304T073000Z"},
	{"subcomponents.ics", 1, "20190527T120000Z/20190527T143000Z", "20190527T120000Z/20190527T143000Z"},
	{"three_events.ics", 3, "20190303T230000Z/20190304T000000Z", "20190309T230000Z/20190310T000000Z"},
	{"three_events_one_edited.ics", 3, "20190318T030000Z/20190318T040000Z", "20190320T030000Z/20190320T040000Z"},
	{"x_wr_timezone_simple_events_issue_59.ics", 2, "20211222T170000Z/20211222T180000Z", "20211223T020000Z/20211223T030000Z"},
	{"zero_size_event.ics", 1, "20190304T070000Z/20190304T070000Z", "20190304T070000Z/20190304T070000Z"},
}

// secondExceptions are calendars of which the two think otherwise.
var secondExceptions = map[string]string{
	"alarm_absolute_edited.ics":                          "two masters, as an edit left them: refused",
	"bad_rrule_missing_until_event.ics":                  "an empty UNTIL is passed over here, the whole series there",
	"end_before_start_event.ics":                         "DTEND before DTSTART: a point in time here, swapped there",
	"issue_132_swapped_start_and_end.ics":                "DTEND before DTSTART: a point in time here, swapped there",
	"issue_117_until_before_dtstart.ics":                 "UNTIL before DTSTART: DTSTART is an instance here",
	"issue_148_edge_case_1.ics":                          "two masters: refused",
	"issue_148_edge_case_2.ics":                          "two masters: refused",
	"issue_148_exdate_and_rdate_updated.ics":             "two masters: refused",
	"issue_148_ignored_exdate.ics":                       "two masters: refused",
	"issue_163_deleted_modification.ics":                 "two masters: refused",
	"issue_201_test_matrix.ics":                          "a VTODO that another component ends: refused",
	"issue_253_additional_recurrence_id.ics":             "an override after the end of the series and of an older SEQUENCE counts here",
	"issue_61_time_zone_error.ics":                       "a line broken without folding: refused",
	"issue_75_range_parameter.ics":                       "UNTIL as a DATE means the whole day here, its midnight there",
	"issue_86_x_wr_timezone_without_time_zone_in_dt.ics": "X-WR-TIMEZONE changes times there",
	"Germany_Holidays.ics":                               "DTEND on the day of DTSTART is that day here, nothing there",
}

// TestSecondOracle compares with an independent implementation, on calendars
// with overrides, THISANDFUTURE, periods, moved instances and changes of time.
func TestSecondOracle(t *testing.T) {
	root := corpus(t, "recurring-ical-events", "recurring_ical_events", "test", "calendars")
	if root == "" {
		return
	}
	files, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	if known := len(secondOracle) + len(secondExceptions); len(files) != known {
		t.Errorf("%d calendars, %d of which something is known", len(files), known)
	}
	for _, c := range secondOracle {
		data, err := os.ReadFile(root + "/" + c.file)
		if err != nil {
			t.Fatal(err)
		}
		got := events(t, c.file, data)
		slices.Sort(got)
		if len(got) != c.count || c.count > 0 && (got[0] != c.first || got[len(got)-1] != c.last) {
			t.Errorf("%s: %d instances and not %d, from %v", c.file, len(got), c.count, got[:min(1, len(got))])
		}
	}
	t.Logf("%d calendars as expected, %d exceptions", len(secondOracle), len(secondExceptions))
}

// events lists the events of a calendar from 2000 to 2025.
func events(t *testing.T, file string, data []byte) (all []string) {
	for c, err := range calendars(data) {
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		for _, part := range split(c) {
			o, err := NewObject(part)
			if err != nil {
				t.Errorf("%s: %v", file, err)
				continue
			}
			if o.Kind&Event == 0 {
				continue
			}
			list, err := o.Instances(context.Background(), at("20000101"), at("20260101"), nil, 0)
			if err != nil {
				t.Errorf("%s: %v", file, err)
			}
			for _, i := range list {
				all = append(all, FormatUTC(i.Start)+"/"+FormatUTC(i.End))
			}
		}
	}
	return all
}
