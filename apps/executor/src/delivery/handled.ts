/**
 * What became of a delivery. `continued`: acknowledged, with more work of the run published; `closed`: acknowledged, and
 * the run is known to be over; `later`: handed back.
 */
export type Handled = 'acked' | 'continued' | 'closed' | 'rejected' | 'later';
