"""The SunSpec models that we use, point by point.

Each line has NAME TYPE OFFSET[/OFFSET OF THE SCALE FACTOR] [UNIT] [rw], in the standard's order. Texts and pads
are left out, and so are the meters' line-to-line voltages, which model 201 names otherwise than its relatives. Offsets
count registers from a model's ID register, which is 0. Source: the SunSpec information models.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

COMMON: Final = 1
KACO: Final = 64201
"""A vendor's model, as OpenEMS knows it; those from 64000 on are not in the standard."""

_INVERTER = """
    A uint16 2/6 A; AphA uint16 3/6 A; AphB uint16 4/6 A; AphC uint16 5/6 A; PPVphAB uint16 7/13 V
    PPVphBC uint16 8/13 V; PPVphCA uint16 9/13 V; PhVphA uint16 10/13 V; PhVphB uint16 11/13 V; PhVphC uint16 12/13 V
    W int16 14/15 W; Hz uint16 16/17 Hz; VA int16 18/19 VA; VAr int16 20/21 var; PF int16 22/23 %; WH acc32 24/26 Wh
    DCA uint16 27/28 A; DCV uint16 29/30 V; DCW int16 31/32 W; TmpCab int16 33/37 °C; TmpSnk int16 34/37 °C
    TmpTrns int16 35/37 °C; TmpOt int16 36/37 °C; St enum16 38; StVnd enum16 39; Evt1 bitfield32 40
    Evt2 bitfield32 42; EvtVnd1 bitfield32 44; EvtVnd2 bitfield32 46; EvtVnd3 bitfield32 48; EvtVnd4 bitfield32 50
"""
_FLOAT_INVERTER = """
    A float32 2 A; AphA float32 4 A; AphB float32 6 A; AphC float32 8 A; PPVphAB float32 10 V; PPVphBC float32 12 V
    PPVphCA float32 14 V; PhVphA float32 16 V; PhVphB float32 18 V; PhVphC float32 20 V; W float32 22 W
    Hz float32 24 Hz; VA float32 26 VA; VAr float32 28 var; PF float32 30 %; WH float32 32 Wh; DCA float32 34 A
    DCV float32 36 V; DCW float32 38 W; TmpCab float32 40 °C; TmpSnk float32 42 °C; TmpTrns float32 44 °C
    TmpOt float32 46 °C; St enum16 48; StVnd enum16 49; Evt1 bitfield32 50; Evt2 bitfield32 52; EvtVnd1 bitfield32 54
    EvtVnd2 bitfield32 56; EvtVnd3 bitfield32 58; EvtVnd4 bitfield32 60
"""
_METER = """
    A int16 2/6 A; AphA int16 3/6 A; AphB int16 4/6 A; AphC int16 5/6 A; PhV int16 7/15 V; PhVphA int16 8/15 V
    PhVphB int16 9/15 V; PhVphC int16 10/15 V; PPV int16 11/15 V; Hz int16 16/17 Hz; W int16 18/22 W
    WphA int16 19/22 W; WphB int16 20/22 W; WphC int16 21/22 W; VA int16 23/27 VA; VAphA int16 24/27 VA
    VAphB int16 25/27 VA; VAphC int16 26/27 VA; VAR int16 28/32 var; VARphA int16 29/32 var; VARphB int16 30/32 var
    VARphC int16 31/32 var; PF int16 33/37 %; PFphA int16 34/37 %; PFphB int16 35/37 %; PFphC int16 36/37 %
    TotWhExp acc32 38/54 Wh; TotWhExpPhA acc32 40/54 Wh; TotWhExpPhB acc32 42/54 Wh; TotWhExpPhC acc32 44/54 Wh
    TotWhImp acc32 46/54 Wh; TotWhImpPhA acc32 48/54 Wh; TotWhImpPhB acc32 50/54 Wh; TotWhImpPhC acc32 52/54 Wh
    TotVAhExp acc32 55/71 VAh; TotVAhExpPhA acc32 57/71 VAh; TotVAhExpPhB acc32 59/71 VAh
    TotVAhExpPhC acc32 61/71 VAh; TotVAhImp acc32 63/71 VAh; TotVAhImpPhA acc32 65/71 VAh
    TotVAhImpPhB acc32 67/71 VAh; TotVAhImpPhC acc32 69/71 VAh; TotVArhImpQ1 acc32 72/104 varh
    TotVArhImpQ1PhA acc32 74/104 varh; TotVArhImpQ1PhB acc32 76/104 varh; TotVArhImpQ1PhC acc32 78/104 varh
    TotVArhImpQ2 acc32 80/104 varh; TotVArhImpQ2PhA acc32 82/104 varh; TotVArhImpQ2PhB acc32 84/104 varh
    TotVArhImpQ2PhC acc32 86/104 varh; TotVArhExpQ3 acc32 88/104 varh; TotVArhExpQ3PhA acc32 90/104 varh
    TotVArhExpQ3PhB acc32 92/104 varh; TotVArhExpQ3PhC acc32 94/104 varh; TotVArhExpQ4 acc32 96/104 varh
    TotVArhExpQ4PhA acc32 98/104 varh; TotVArhExpQ4PhB acc32 100/104 varh; TotVArhExpQ4PhC acc32 102/104 varh
    Evt bitfield32 105
"""
_FLOAT_METER = """
    A float32 2 A; AphA float32 4 A; AphB float32 6 A; AphC float32 8 A; PhV float32 10 V; PhVphA float32 12 V
    PhVphB float32 14 V; PhVphC float32 16 V; PPV float32 18 V; PPVphAB float32 20 V; PPVphBC float32 22 V
    PPVphCA float32 24 V; Hz float32 26 Hz; W float32 28 W; WphA float32 30 W; WphB float32 32 W; WphC float32 34 W
    VA float32 36 VA; VAphA float32 38 VA; VAphB float32 40 VA; VAphC float32 42 VA; VAR float32 44 var
    VARphA float32 46 var; VARphB float32 48 var; VARphC float32 50 var; PF float32 52; PFphA float32 54
    PFphB float32 56; PFphC float32 58; TotWhExp float32 60 Wh; TotWhExpPhA float32 62 Wh
    TotWhExpPhB float32 64 Wh; TotWhExpPhC float32 66 Wh; TotWhImp float32 68 Wh; TotWhImpPhA float32 70 Wh
    TotWhImpPhB float32 72 Wh; TotWhImpPhC float32 74 Wh; TotVAhExp float32 76 VAh; TotVAhExpPhA float32 78 VAh
    TotVAhExpPhB float32 80 VAh; TotVAhExpPhC float32 82 VAh; TotVAhImp float32 84 VAh; TotVAhImpPhA float32 86 VAh
    TotVAhImpPhB float32 88 VAh; TotVAhImpPhC float32 90 VAh; TotVArhImpQ1 float32 92 varh
    TotVArhImpQ1phA float32 94 varh; TotVArhImpQ1phB float32 96 varh; TotVArhImpQ1phC float32 98 varh
    TotVArhImpQ2 float32 100 varh; TotVArhImpQ2phA float32 102 varh; TotVArhImpQ2phB float32 104 varh
    TotVArhImpQ2phC float32 106 varh; TotVArhExpQ3 float32 108 varh; TotVArhExpQ3phA float32 110 varh
    TotVArhExpQ3phB float32 112 varh; TotVArhExpQ3phC float32 114 varh; TotVArhExpQ4 float32 116 varh
    TotVArhExpQ4phA float32 118 varh; TotVArhExpQ4phB float32 120 varh; TotVArhExpQ4phC float32 122 varh
    Evt bitfield32 124
"""

TABLES: Final[tuple[tuple[int, str, int, str], ...]] = (
    (COMMON, "Common", 66, ""),
    (101, "Inverter, single phase", 50, _INVERTER),
    (102, "Inverter, split phase", 50, _INVERTER),
    (103, "Inverter, three phases", 50, _INVERTER),
    (111, "Inverter, single phase, float", 60, _FLOAT_INVERTER),
    (112, "Inverter, split phase, float", 60, _FLOAT_INVERTER),
    (113, "Inverter, three phases, float", 60, _FLOAT_INVERTER),
    (
        120,
        "Nameplate ratings",
        26,
        """
        DERTyp enum16 2; WRtg uint16 3/4 W; VARtg uint16 5/6 VA; VArRtgQ1 int16 7/11 var; VArRtgQ2 int16 8/11 var
        VArRtgQ3 int16 9/11 var; VArRtgQ4 int16 10/11 var; ARtg uint16 12/13 A; PFRtgQ1 int16 14/18
        PFRtgQ2 int16 15/18; PFRtgQ3 int16 16/18; PFRtgQ4 int16 17/18; WHRtg uint16 19/20 Wh; AhrRtg uint16 21/22 Ah
        MaxChaRte uint16 23/24 W; MaxDisChaRte uint16 25/26 W
        """,
    ),
    (
        121,
        "Basic settings",
        30,
        """
        WMax uint16 2/22 W rw; VRef uint16 3/23 V rw; VRefOfs int16 4/24 V rw; VMax uint16 5/25 V rw
        VMin uint16 6/25 V rw; VAMax uint16 7/26 VA rw; VArMaxQ1 int16 8/27 var rw; VArMaxQ2 int16 9/27 var rw
        VArMaxQ3 int16 10/27 var rw; VArMaxQ4 int16 11/27 var rw; WGra uint16 12/28 %WMax/s rw; PFMinQ1 int16 13/29 rw
        PFMinQ2 int16 14/29 rw; PFMinQ3 int16 15/29 rw; PFMinQ4 int16 16/29 rw; VArAct enum16 17 rw
        ClcTotVA enum16 18 rw; MaxRmpRte uint16 19/30 %WGra rw; ECPNomHz uint16 20/31 Hz rw; ConnPh enum16 21 rw
        """,
    ),
    (
        122,
        "Extended status",
        44,
        """
        PVConn bitfield16 2; StorConn bitfield16 3; ECPConn bitfield16 4; ActWh acc64 5 Wh; ActVAh acc64 9 VAh
        ActVArhQ1 acc64 13 varh; ActVArhQ2 acc64 17 varh; ActVArhQ3 acc64 21 varh; ActVArhQ4 acc64 25 varh
        VArAval int16 29/30 var; WAval uint16 31/32 W; StSetLimMsk bitfield32 33; StActCtl bitfield32 35
        Tms uint32 41 s; RtSt bitfield16 43; Ris uint16 44/45 ohm
        """,
    ),
    (
        123,
        "Immediate controls",
        24,
        """
        Conn_WinTms uint16 2 s rw; Conn_RvrtTms uint16 3 s rw; Conn enum16 4 rw; WMaxLimPct uint16 5/23 %WMax rw
        WMaxLimPct_WinTms uint16 6 s rw; WMaxLimPct_RvrtTms uint16 7 s rw; WMaxLimPct_RmpTms uint16 8 s rw
        WMaxLim_Ena enum16 9 rw; OutPFSet int16 10/24 rw; OutPFSet_WinTms uint16 11 s rw
        OutPFSet_RvrtTms uint16 12 s rw; OutPFSet_RmpTms uint16 13 s rw; OutPFSet_Ena enum16 14 rw
        VArWMaxPct int16 15/25 %WMax rw; VArMaxPct int16 16/25 %VArMax rw; VArAvalPct int16 17/25 %VArAval rw
        VArPct_WinTms uint16 18 s rw; VArPct_RvrtTms uint16 19 s rw; VArPct_RmpTms uint16 20 s rw
        VArPct_Mod enum16 21 rw; VArPct_Ena enum16 22 rw
        """,
    ),
    (
        124,
        "Storage controls",
        24,
        """
        WChaMax uint16 2/18 W rw; WChaGra uint16 3/19 %WChaMax/s rw; WDisChaGra uint16 4/19 %WChaMax/s rw
        StorCtl_Mod bitfield16 5 rw; VAChaMax uint16 6/20 VA rw; MinRsvPct uint16 7/21 %WChaMax rw
        ChaState uint16 8/22 %AhrRtg; StorAval uint16 9/23 Ah; InBatV uint16 10/24 V; ChaSt enum16 11
        OutWRte int16 12/25 %WDisChaMax rw; InWRte int16 13/25 %WChaMax rw; InOutWRte_WinTms uint16 14 s rw
        InOutWRte_RvrtTms uint16 15 s rw; InOutWRte_RmpTms uint16 16 s rw; ChaGriSet enum16 17 rw
        """,
    ),
    (
        160,
        "MPPT modules",
        8,
        """
        Evt bitfield32 6; N uint16 8; TmsPer uint16 9
        """,
    ),
    (201, "Meter, single phase", 105, _METER),
    (202, "Meter, split phase", 105, _METER),
    (203, "Meter, three phases, wye", 105, _METER),
    (204, "Meter, three phases, delta", 105, _METER),
    (211, "Meter, single phase, float", 124, _FLOAT_METER),
    (212, "Meter, split phase, float", 124, _FLOAT_METER),
    (213, "Meter, three phases, wye, float", 124, _FLOAT_METER),
    (
        701,
        "DER AC measurements",
        153,
        """
        ACType enum16 2; St enum16 3; InvSt enum16 4; ConnSt enum16 5; Alrm bitfield32 6; DERMode bitfield32 8
        W int16 10/116 W; VA int16 11/118 VA; Var int16 12/119 var; PF int16 13/117; A int16 14/113 A
        LLV uint16 15/114 V; LNV uint16 16/114 V; Hz uint32 17/115 Hz; TotWhInj uint64 19/120 Wh
        TotWhAbs uint64 23/120 Wh; TotVarhInj uint64 27/121 varh; TotVarhAbs uint64 31/121 varh
        TmpAmb int16 35/122 °C; TmpCab int16 36/122 °C; TmpSnk int16 37/122 °C; TmpTrns int16 38/122 °C
        TmpSw int16 39/122 °C; TmpOt int16 40/122 °C; WL1 int16 41/116 W; VAL1 int16 42/118 VA; VarL1 int16 43/119 var
        PFL1 int16 44/117; AL1 int16 45/113 A; VL1L2 uint16 46/114 V; VL1 uint16 47/114 V; TotWhInjL1 uint64 48/120 Wh
        TotWhAbsL1 uint64 52/120 Wh; TotVarhInjL1 uint64 56/121 varh; TotVarhAbsL1 uint64 60/121 varh
        WL2 int16 64/116 W; VAL2 int16 65/118 VA; VarL2 int16 66/119 var; PFL2 int16 67/117; AL2 int16 68/113 A
        VL2L3 uint16 69/114 V; VL2 uint16 70/114 V; TotWhInjL2 uint64 71/120 Wh; TotWhAbsL2 uint64 75/120 Wh
        TotVarhInjL2 uint64 79/121 varh; TotVarhAbsL2 uint64 83/121 varh; WL3 int16 87/116 W; VAL3 int16 88/118 VA
        VarL3 int16 89/119 var; PFL3 int16 90/117; AL3 int16 91/113 A; VL3L1 uint16 92/114 V; VL3 uint16 93/114 V
        TotWhInjL3 uint64 94/120 Wh; TotWhAbsL3 uint64 98/120 Wh; TotVarhInjL3 uint64 102/121 varh
        TotVarhAbsL3 uint64 106/121 varh; ThrotPct uint16 110 %; ThrotSrc bitfield32 111
        """,
    ),
    (
        702,
        "DER capacity",
        50,
        """
        WMaxRtg uint16 2/45 W; WOvrExtRtg uint16 3/45 W; WOvrExtRtgPF uint16 4/46; WUndExtRtg uint16 5/45 W
        WUndExtRtgPF uint16 6/46; VAMaxRtg uint16 7/47 VA; VarMaxInjRtg uint16 8/48 var; VarMaxAbsRtg uint16 9/48 var
        WChaRteMaxRtg uint16 10/45 W; WDisChaRteMaxRtg uint16 11/45 W; VAChaRteMaxRtg uint16 12/47 VA
        VADisChaRteMaxRtg uint16 13/47 VA; VNomRtg uint16 14/49 V; VMaxRtg uint16 15/49 V; VMinRtg uint16 16/49 V
        AMaxRtg uint16 17/50 A; PFOvrExtRtg uint16 18/46; PFUndExtRtg uint16 19/46; ReactSusceptRtg uint16 20/51 S
        NorOpCatRtg enum16 21; AbnOpCatRtg enum16 22; CtrlModes bitfield32 23; IntIslandCatRtg bitfield16 25
        WMax uint16 26/45 W rw; WMaxOvrExt uint16 27/45 W rw; WOvrExtPF uint16 28/46 rw; WMaxUndExt uint16 29/45 W rw
        WUndExtPF uint16 30/46 rw; VAMax uint16 31/47 VA rw; VarMaxInj uint16 32/48 var rw
        VarMaxAbs uint16 33/48 var rw; WChaRteMax uint16 34/45 W rw; WDisChaRteMax uint16 35/45 W rw
        VAChaRteMax uint16 36/47 VA rw; VADisChaRteMax uint16 37/47 VA rw; VNom uint16 38/49 V rw
        VMax uint16 39/49 V rw; VMin uint16 40/49 V rw; AMax uint16 41/50 A rw; PFOvrExt uint16 42/46 rw
        PFUndExt uint16 43/46 rw; IntIslandCat bitfield16 44 rw
        """,
    ),
    (
        703,
        "Enter service",
        17,
        """
        ES enum16 2 rw; ESVHi uint16 3/17 % rw; ESVLo uint16 4/17 % rw; ESHzHi uint32 5/18 Hz rw
        ESHzLo uint32 7/18 Hz rw; ESDlyTms uint32 9 s rw; ESRndTms uint32 11 s rw; ESRmpTms uint32 13 s rw
        ESDlyRemTms uint32 15 s
        """,
    ),
    (
        704,
        "DER AC controls",
        65,
        """
        PFWInjEna enum16 2 rw; PFWInjEnaRvrt enum16 3 rw; PFWInjRvrtTms uint32 4 s rw; PFWInjRvrtRem uint32 6 s
        PFWAbsEna enum16 8 rw; PFWAbsEnaRvrt enum16 9 rw; PFWAbsRvrtTms uint32 10 s rw; PFWAbsRvrtRem uint32 12 s
        WMaxLimPctEna enum16 14 rw; WMaxLimPct uint16 15/54 % rw; WMaxLimPctRvrt uint16 16/54 % rw
        WMaxLimPctEnaRvrt enum16 17 rw; WMaxLimPctRvrtTms uint32 18 s rw; WMaxLimPctRvrtRem uint32 20 s
        WSetEna enum16 22 rw; WSetMod enum16 23 rw; WSet int32 24/55 W rw; WSetRvrt int32 26/55 W rw
        WSetPct int16 28/56 % rw; WSetPctRvrt int16 29/56 % rw; WSetEnaRvrt enum16 30 rw; WSetRvrtTms uint32 31 s rw
        WSetRvrtRem uint32 33 s; VarSetEna enum16 35 rw; VarSetMod enum16 36 rw; VarSetPri enum16 37 rw
        VarSet int32 38/57 var rw; VarSetRvrt int32 40/57 var rw; VarSetPct int16 42/58 % rw
        VarSetPctRvrt int16 43/58 % rw; VarSetEnaRvrt enum16 44 rw; VarSetRvrtTms uint32 45 s rw
        VarSetRvrtRem uint32 47 s; WRmp uint16 49 %Max/s rw; WRmpRef enum16 50 rw; VarRmp uint16 51 %Max/s rw
        AntiIslEna enum16 52 rw
        """,
    ),
    (
        712,
        "DER watt-var",
        12,
        """
        Ena enum16 2 rw; AdptCrvReq uint16 3 rw; AdptCrvRslt enum16 4; NPt uint16 5; NCrv uint16 6
        RvrtTms uint32 7 s rw; RvrtRem uint32 9 s; RvrtCrv uint16 11 rw
        """,
    ),
    (
        713,
        "DER storage capacity",
        7,
        """
        WHRtg uint16 2/7 Wh; WHAvail uint16 3/7 Wh; SoC uint16 4/8 %; SoH uint16 5/8 %; Sta enum16 6
        """,
    ),
    (
        714,
        "DER DC measurements",
        18,
        """
        PrtAlrms bitfield32 2; NPrt uint16 4; DCA int16 5/15 A; DCW int16 6/17 W; DCWhInj uint64 7/18 Wh
        DCWhAbs uint64 11/18 Wh
        """,
    ),
    (
        715,
        "DER control",
        7,
        """
        LocRemCtl enum16 2; DERHb uint32 3; ControllerHb uint32 5 rw; AlarmReset uint16 7 rw; OpCtl enum16 8 rw
        """,
    ),
    (
        802,
        "Battery base",
        62,
        """
        AHRtg uint16 2/52 Ah; WHRtg uint16 3/53 Wh; WChaRteMax uint16 4/54 W; WDisChaRteMax uint16 5/54 W
        DisChaRte uint16 6/55 %WHRtg; SoCMax uint16 7/56 %WHRtg; SoCMin uint16 8/56 %WHRtg
        SocRsvMax uint16 9/56 %WHRtg rw; SoCRsvMin uint16 10/56 %WHRtg rw; SoC uint16 11/56 %WHRtg; DoD uint16 12/57 %
        SoH uint16 13/58 %; NCyc uint32 14; ChaSt enum16 16; LocRemCtl enum16 17; Hb uint16 18; CtrlHb uint16 19 rw
        AlmRst uint16 20 rw; Typ enum16 21; State enum16 22; StateVnd enum16 23; WarrDt uint32 24; Evt1 bitfield32 26
        Evt2 bitfield32 28; EvtVnd1 bitfield32 30; EvtVnd2 bitfield32 32; V uint16 34/59 V; VMax uint16 35/59 V
        VMin uint16 36/59 V; CellVMax uint16 37/60 V; CellVMaxStr uint16 38; CellVMaxMod uint16 39
        CellVMin uint16 40/60 V; CellVMinStr uint16 41; CellVMinMod uint16 42; CellVAvg uint16 43/60 V
        A int16 44/61 A; AChaMax uint16 45/62 A; ADisChaMax uint16 46/62 A; W int16 47/63 W; ReqInvState enum16 48
        ReqW int16 49/63 W; SetOp enum16 50 rw; SetInvState enum16 51 rw
        """,
    ),
    (
        KACO,
        "KACO gridsave",
        52,
        """
        RequestedState enum16 4 rw; CurrentState enum16 5; ControlMode enum16 6; Watchdog uint16 8 s rw
        WSetPct int16 9/46 %WMax rw; VarSetPct int16 10/47 % rw; WSet_Ena enum16 25 rw; W int16 35/51 W
        """,
    ),
)
"""ID, title, what the length register says without repeated modules, points."""

MODULES: Final[Mapping[int, tuple[int, str]]] = {
    160: (
        20,
        """
        ID uint16 0; DCA uint16 9/2 A; DCV uint16 10/3 V; DCW uint16 11/4 W; DCWH acc32 12/5 Wh; Tms uint32 14 s
        Tmp int16 16 °C; DCSt enum16 17; DCEvt bitfield32 18
        """,
    ),
    714: (
        25,
        """
        PrtTyp enum16 0; ID uint16 1; DCA int16 10/15 A; DCV uint16 11/16 V; DCW int16 12/17 W
        DCWhInj uint64 13/18 Wh; DCWhAbs uint64 17/18 Wh; Tmp int16 21/19 °C; DCSta enum16 22; DCAlrm bitfield32 23
        """,
    ),
}
"""By model: registers of one repeated module, and its points, whose offsets count from its first register."""
