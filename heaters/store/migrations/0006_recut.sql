-- `heaters cut` is an event of its own: who laid a video anew, and the exact rows before and after.
alter type review_action add value 'recut' before 'undo';
