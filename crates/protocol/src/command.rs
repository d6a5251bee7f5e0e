//! The commands of a stream in typed form, borrowed from the bytes that were read.
//!
//! Ids of rows are bytes, since they are only compared with ids that are known; texts of
//! definitions are checked to be UTF-8. Slots are the peer's numbers, from 1, and `None` where a
//! line has none that is of use. A command says what the line says: whether a chart is known, or
//! a row belongs to one, is for the receiver to judge.

use row::{AlarmWord, ChartDefinition, DimensionDefinition, FunctionDefinition, Guid, Label, PointFlags};

/// Chart slots above this are not used.
pub const CHART_SLOT_MAX: u32 = 1_000_000;
/// Dimension slots above this are not used.
pub const DIMENSION_SLOT_MAX: u32 = 65_535;

/// One command of either direction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Command<'a> {
    /// `CHART`: defines a chart, which is the current one from here.
    Chart {
        /// The chart's number on this connection.
        slot: Option<u32>,
        /// The definition. Other than elsewhere its `name` is without `type.` and empty where it
        /// is the id's; `update_every_s` is 0 where the connection's default holds.
        definition: ChartDefinition<'a>,
    },
    /// `DIMENSION`: defines a dimension of the current chart.
    Dimension {
        /// The dimension's number in its chart.
        slot: Option<u32>,
        /// The definition.
        definition: DimensionDefinition<'a>,
    },
    /// `CLABEL`: a label of the current chart, for the set that the commit brings into force.
    ChartLabel(Label<'a>),
    /// `CLABEL_COMMIT`: the labels since `CHART` replace the chart's.
    ChartLabelsCommit,
    /// `LABEL`: a label of the host, for the set that the overwrite brings into force.
    HostLabel(Label<'a>),
    /// `OVERWRITE`: the labels since the last one replace the host's.
    HostLabelsOverwrite,
    /// `VARIABLE`: a number that alarms may use.
    Variable {
        /// Whose variable it is.
        scope: VariableScope,
        /// Its name.
        name: &'a str,
        /// Its value; not a number where there is none.
        value: f64,
    },
    /// `CLAIMED_ID`: the host's identity with its maker's cloud.
    ClaimedId {
        /// The host.
        machine: Guid,
        /// The claim, where there is one.
        claim: Option<Guid>,
    },
    /// `FUNCTION` from a child: it offers a function.
    Function {
        /// Whether it is the host's, not the current chart's.
        global: bool,
        /// The function.
        definition: FunctionDefinition<'a>,
    },
    /// `FUNCTION_DEL` from a child: it takes a function back.
    FunctionDelete {
        /// The function's name.
        name: &'a str,
    },
    /// `FUNCTION_RESULT_BEGIN` from a child: the answer to a call begins; its text follows in
    /// [`Command::ResultText`], and [`Command::ResultEnd`] ends it.
    FunctionResult {
        /// The call that is answered.
        transaction: &'a str,
        /// How it went, as in HTTP.
        code: u16,
        /// What the text is, as in HTTP.
        content_type: &'a str,
        /// When the answer gets old, in seconds since 1970; 0 for at once.
        expires_s: i64,
    },
    /// A piece of the text that answers a call. The newline before the end is not part of the answer.
    ResultText {
        /// The piece, with its newlines.
        text: &'a [u8],
    },
    /// `FUNCTION_RESULT_END`: the answer is complete.
    ResultEnd,
    /// `FUNCTION_PROGRESS` from a child: a call is being worked on.
    FunctionProgress {
        /// The call.
        transaction: &'a str,
        /// How much is done,
        done: u64,
        /// of how much; 0 where it is not known.
        all: u64,
    },
    /// `CHART_DEFINITION_END`: the definition is complete; the child has rows of these seconds.
    ChartDefinitionEnd {
        /// Where the child's rows begin; 0 without rows.
        first_s: i64,
        /// Its last row; 0 without rows.
        last_s: i64,
        /// The child's clock, where it tells.
        now_s: Option<i64>,
    },
    /// `BEGIN`: a row of collected values begins.
    Begin {
        /// The chart's number.
        slot: Option<u32>,
        /// The chart.
        id: &'a [u8],
        /// Microseconds since the chart's previous collection; 0: use your own clock.
        elapsed_us: u64,
    },
    /// `SET`: a collected value.
    Set {
        /// The dimension's number.
        slot: Option<u32>,
        /// The dimension.
        id: &'a [u8],
        /// The integer that was read.
        value: i64,
    },
    /// `END`: the row of collected values is complete.
    End,
    /// `BEGIN2`: a row of stored values begins.
    Begin2 {
        /// The chart's number.
        slot: Option<u32>,
        /// The chart.
        id: &'a [u8],
        /// Seconds between rows.
        update_every_s: u32,
        /// The second that the row is stored at.
        time_s: i64,
        /// The child's clock.
        wall_s: i64,
    },
    /// `SET2`: a stored value.
    Set2 {
        /// The dimension's number.
        slot: Option<u32>,
        /// The dimension.
        id: &'a [u8],
        /// The integer that was read last.
        collected: i64,
        /// The stored value; not a number where the point is empty.
        value: f64,
        /// What is known about the point.
        flags: PointFlags,
    },
    /// `END2`: the row of stored values is complete.
    End2,
    /// `RBEGIN` with an id: a chart's replication begins.
    ReplayBegin {
        /// The chart's number.
        slot: Option<u32>,
        /// The chart.
        id: &'a [u8],
    },
    /// `RBEGIN` with times: a row of the past begins.
    ReplayPoint {
        /// The chart's number.
        slot: Option<u32>,
        /// The chart, or empty for the one that replication began with.
        id: &'a [u8],
        /// The second that the row begins at.
        start_s: i64,
        /// The second that it is stored at.
        end_s: i64,
        /// The child's clock, where it tells.
        wall_s: Option<i64>,
    },
    /// `RSET`: a stored value of the past.
    ReplaySet {
        /// The dimension's number.
        slot: Option<u32>,
        /// The dimension.
        id: &'a [u8],
        /// The stored value; not a number where the point is empty.
        value: f64,
        /// What is known about the point.
        flags: PointFlags,
    },
    /// `RDSTATE`: how far a dimension's interpolation is.
    ReplayDimensionState {
        /// The dimension's number.
        slot: Option<u32>,
        /// The dimension.
        id: &'a [u8],
        /// When it was collected last, in microseconds since 1970.
        collected_us: i64,
        /// What was read then.
        collected: i64,
        /// The last calculated value, of a counter what is not stored yet.
        calculated: f64,
        /// The last stored value.
        stored: f64,
    },
    /// `RSSTATE`: how far the chart's interpolation is.
    ReplayChartState {
        /// When it was collected last, in microseconds since 1970.
        collected_us: i64,
        /// The last stored point, in microseconds since 1970.
        updated_us: i64,
    },
    /// `REND`: the answer to a replication request is complete.
    ReplayEnd {
        /// Seconds between rows.
        update_every_s: u32,
        /// Where the child's rows begin.
        first_s: i64,
        /// Its last row.
        last_s: i64,
        /// Whether live rows follow.
        start_streaming: bool,
        /// Where the answer began.
        after_s: i64,
        /// Where it ended.
        before_s: i64,
        /// The child's clock, where it tells.
        wall_s: Option<i64>,
    },
    /// `REPLAY_CHART` from a parent: it wants rows of the past.
    ReplayChart {
        /// The chart.
        id: &'a str,
        /// Whether live rows shall follow.
        start_streaming: bool,
        /// Rows after this second,
        after_s: i64,
        /// and up to this one; 0 and 0 for none.
        before_s: i64,
    },
    /// `FUNCTION` from a parent: it calls a function. With `FUNCTION_PAYLOAD` a text comes with the
    /// call, which follows in [`Command::PayloadText`], and [`Command::PayloadEnd`] ends it.
    FunctionCall {
        /// What the answer must name.
        transaction: &'a str,
        /// Seconds that the call may take.
        timeout_s: i64,
        /// The function and its arguments.
        function: &'a str,
        /// What the caller may do, in the words of the agent; empty where it does not tell.
        access: &'a str,
        /// Who calls; empty where it does not tell.
        source: &'a str,
        /// What the text is that comes with the call, as in HTTP; `None` where there is none.
        payload: Option<&'a str>,
    },
    /// A piece of the text that comes with a call. The newline before the end is not part of it.
    PayloadText {
        /// The piece, with its newlines.
        text: &'a [u8],
    },
    /// `FUNCTION_PAYLOAD_END`: the call is complete.
    PayloadEnd,
    /// `FUNCTION_CANCEL` from a parent: nobody waits for the answer any more.
    FunctionCancel {
        /// The call.
        transaction: &'a str,
    },
    /// `FUNCTION_PROGRESS` from a parent: somebody still waits for the answer.
    FunctionAwaited {
        /// The call.
        transaction: &'a str,
    },
    /// `TRIBUTARY_ALARMS` from a node of ours: which alarms it holds on the host, and what people were told.
    Alarm(AlarmWord),
    /// A keyword that is known and means nothing here; a block that it opens is skipped.
    Ignored {
        /// The line's first word.
        keyword: &'a [u8],
    },
    /// A keyword that nobody here knows. Real parents disconnect.
    Unknown {
        /// The line's first word.
        keyword: &'a [u8],
    },
}

/// Whose variable it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VariableScope {
    /// The host's.
    Host,
    /// The current chart's.
    Chart,
    /// The current chart's if there is one, else the host's.
    Current,
}
