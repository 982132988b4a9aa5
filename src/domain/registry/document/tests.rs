use proptest::prelude::*;

use super::*;
use crate::domain::registry::mod11::tests::complete;

fn read(label: DocumentLabel, raw: &str) -> Result<Document, DocumentError> {
    Document::parse(Some(label), None, raw).map(|(document, _)| document)
}

fn number(label: DocumentLabel, raw: &str) -> String {
    read(label, raw).unwrap().number.expose().to_owned()
}

#[test]
fn every_way_of_typing_a_resident_number_is_the_same_number() {
    for raw in [
        "11010519491231002X",
        "11010519491231002x",
        "１１０１０５１９４９１２３１００２Ｘ",
        "'110105 19491231 002X\u{FEFF}",
        "110105-19491231-002×",
        "11010519491231002Х",
    ] {
        assert_eq!(number(DocumentLabel::ResidentId, raw), "11010519491231002X", "{raw}");
    }
}

#[test]
fn the_class_follows_the_number() {
    for label in [DocumentLabel::Passport, DocumentLabel::Household, DocumentLabel::Other, DocumentLabel::ResidentId] {
        let (document, warnings) = Document::parse(Some(label), None, "11010519491231002X").unwrap();
        assert_eq!(document.class, DocumentClass::Cn18, "{label}");
        let expected = matches!(label, DocumentLabel::Passport | DocumentLabel::Other);
        assert_eq!(warnings.contains(&DocumentWarning::LabelDisagrees), expected, "{label}");
    }
    for (raw, label) in [
        ("810000199408230021", DocumentLabel::ResidencePermit),
        ("830000199201300022", DocumentLabel::ResidencePermit),
        ("911124198108030024", DocumentLabel::PermanentResidence),
        ("440524188001010014", DocumentLabel::ResidentId),
    ] {
        let (document, warnings) = Document::parse(None, None, raw).unwrap();
        assert_eq!((document.class, document.label, warnings), (DocumentClass::Cn18, label, vec![]), "{raw}");
    }
}

#[test]
fn wrong_resident_numbers_say_why() {
    use DocumentLabel::{Household, ResidencePermit, ResidentId};
    assert_eq!(read(ResidentId, "110105194912310021"), Err(DocumentError::Check));
    assert_eq!(read(ResidencePermit, "810000199408230022"), Err(DocumentError::Check));
    assert_eq!(read(Household, "110105194912310021"), Err(DocumentError::Check));
    assert_eq!(read(ResidentId, "110105491231002"), Err(DocumentError::FifteenDigits));
    assert_eq!(read(ResidentId, "1234"), Err(DocumentError::Form));
    assert_eq!(read(ResidentId, "1101**********002X"), Err(DocumentError::Character));
    assert_eq!(read(ResidentId, "1.10105E+17"), Err(DocumentError::Rounded));
    assert_eq!(read(ResidentId, " \u{3000}"), Err(DocumentError::Missing));
    assert_eq!(read(ResidentId, &complete("11010520230230002")), Err(DocumentError::BirthDate));
    assert_eq!(read(ResidentId, &complete("99010520230228002").replacen('9', "7", 1)), Err(DocumentError::Check));
    assert_eq!(read(ResidentId, &complete("77010520230228002")), Err(DocumentError::Region));
    assert_eq!(Document::parse(None, None, "110105491231002").unwrap_err(), DocumentError::FifteenDigits);
    assert_eq!(Document::parse(None, None, "E12345678").unwrap_err(), DocumentError::LabelNeeded);
}

#[test]
fn an_abolished_county_is_no_reason_to_refuse() {
    assert!(read(DocumentLabel::ResidentId, &complete("51999919700101001")).is_ok());
}

#[test]
fn a_number_carries_birth_date_and_sex() {
    let document = read(DocumentLabel::ResidentId, "11010519491231002X").unwrap();
    assert_eq!(document.birth_date(), NaiveDate::from_ymd_opt(1949, 12, 31));
    assert_eq!(document.sex(), Some(Sex::Female));
    assert_eq!(read(DocumentLabel::ResidentId, "440524188001010014").unwrap().sex(), Some(Sex::Male));
    let card = read(DocumentLabel::PermanentResidence, "911124198108030024").unwrap();
    assert_eq!((card.birth_date(), card.sex()), (NaiveDate::from_ymd_opt(1981, 8, 3), None));
    let passport = read(DocumentLabel::Passport, "E12345678").unwrap();
    assert_eq!((passport.birth_date(), passport.sex()), (None, None));
}

#[test]
fn passports_are_told_apart_by_country() {
    let (document, warnings) = Document::parse(Some(DocumentLabel::Passport), Some(" deu "), "c01x 00t47").unwrap();
    assert_eq!((document.country_text(), document.number.expose()), ("DEU", "C01X00T47"));
    assert!(warnings.is_empty());
    let (_, warnings) = Document::parse(Some(DocumentLabel::Passport), None, "E12345678").unwrap();
    assert_eq!(warnings, [DocumentWarning::CountryUnknown]);
    assert_eq!(
        Document::parse(Some(DocumentLabel::Passport), Some("Germany"), "E12345678").unwrap_err(),
        DocumentError::Country
    );
}

#[test]
fn permits_lose_their_reissue_count() {
    use DocumentLabel::{HongKongMacaoPermit, TaiwanPermit};
    assert_eq!(number(HongKongMacaoPermit, "H0123456701"), "H01234567");
    assert_eq!(number(HongKongMacaoPermit, "m01234567"), "M01234567");
    assert_eq!(number(TaiwanPermit, "12345678(01)"), "12345678");
    assert_eq!(number(TaiwanPermit, "1234567801(B)"), "12345678");
    assert_eq!(read(HongKongMacaoPermit, "K01234567"), Err(DocumentError::Form));
    assert_eq!(read(TaiwanPermit, "1234567"), Err(DocumentError::Form));
}

#[test]
fn other_papers_keep_their_forms() {
    assert_eq!(
        read(DocumentLabel::PermanentResidence, "USA110123456789").unwrap().class,
        DocumentClass::PermanentResidence15
    );
    assert_eq!(number(DocumentLabel::BirthCertificate, "p 430123456"), "P430123456");
    assert_eq!(number(DocumentLabel::Officer, "军字第1234567号"), "军字第1234567号");
    assert_eq!(number(DocumentLabel::HongKong, "A123456(7)"), "A1234567");
    assert_eq!(number(DocumentLabel::NetNumber, "aB3dE6gH9"), "aB3dE6gH9");
    assert_eq!(read(DocumentLabel::Household, "012345678"), Err(DocumentError::NamesNoPerson));
}

#[test]
fn labels_are_read_as_people_write_them() {
    assert_eq!(DocumentLabel::read("居民身份证"), Ok(DocumentLabel::ResidentId));
    assert_eq!(DocumentLabel::read(" 户口簿 "), Ok(DocumentLabel::Household));
    assert_eq!(DocumentLabel::read("x"), Err(super::super::codes::UnknownCode { table: "DocumentLabel" }));
    assert_eq!("X3".parse(), Ok(DocumentLabel::BirthCertificate));
}

#[test]
fn nothing_shows_a_number_by_accident() {
    let document = read(DocumentLabel::ResidentId, "11010519491231002X").unwrap();
    assert!(!format!("{document:?}").contains("1949"));
    assert_eq!(document.number.masked(), "1****X");
}

proptest! {
    #[test]
    fn a_permit_is_the_same_however_often_it_was_reissued(digits in "[0-9]{8}", count in "([0-9]{2}[A-Z]?)?", head in "[HM]") {
        use DocumentLabel::{HongKongMacaoPermit, TaiwanPermit};
        prop_assert_eq!(number(TaiwanPermit, &format!("{digits}{count}")), digits.clone());
        prop_assert_eq!(number(HongKongMacaoPermit, &format!("{head}{digits}{count}")), format!("{head}{digits}"));
    }

    #[test]
    fn what_is_too_short_or_of_foreign_letters_is_no_number(raw in "[一-龥]{1,3}", label in 0usize..16) {
        prop_assert!(Document::parse(Some(DocumentLabel::ALL[label]), None, &raw).is_err());
    }

    #[test]
    fn parsing_the_normalised_number_changes_nothing(raw in "[ 0-9A-Za-zＡ-Ｚ０-９()\\-'×军字]{0,24}", label in 0usize..16) {
        let label = DocumentLabel::ALL[label];
        if let Ok((document, _)) = Document::parse(Some(label), None, &raw) {
            let (again, _) = Document::parse(Some(label), None, document.number.expose()).unwrap();
            prop_assert_eq!(document, again);
        }
    }

    #[test]
    fn any_eighteen_characters_that_pass_are_of_one_class(digits in "[1-8][0-9]{5}(19|20)[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|1[0-9]|2[0-8])[0-9]{3}", label in 0usize..16) {
        let number = complete(&digits);
        if let Ok((document, _)) = Document::parse(Some(DocumentLabel::ALL[label]), None, &number) {
            prop_assert_eq!(document.class, DocumentClass::Cn18);
            prop_assert_eq!(document.number.expose(), number.as_str());
        } else {
            prop_assert!(!division::is_province(&number[..2]) && &number[..2] != "83");
        }
    }
}
