//! What the pages say, in each language. `{n}` and `{institution}` are filled in; escaping is the templates'.

use super::Language;

/// Everything the pages say in one language.
pub(super) struct Words {
    /// Stands before the title of a form that is shown again.
    pub title_fault: &'static str,
    pub your_institution: &'static str,
    pub choose_heading: &'static str,
    pub choose_intro: &'static str,
    pub password: &'static str,
    pub password_again: &'static str,
    pub hint: &'static str,
    pub save: &'static str,
    pub mismatch: &'static str,
    pub too_short: &'static str,
    pub too_long: &'static str,
    pub too_common: &'static str,
    pub too_guessable: &'static str,
    pub contains_personal: &'static str,
    pub done_heading: &'static str,
    pub done: &'static [&'static str],
    /// The link was used, replaced or has expired.
    pub over_heading: &'static str,
    pub over: &'static [&'static str],
    pub unknown_heading: &'static str,
    pub unknown: &'static [&'static str],
    /// Her standing forbids it; why is not for this page to tell.
    pub barred_heading: &'static str,
    pub barred: &'static [&'static str],
    pub busy_heading: &'static str,
    pub busy: &'static [&'static str],
    pub broken_heading: &'static str,
    pub broken: &'static [&'static str],
    pub unread_heading: &'static str,
    pub unread: &'static [&'static str],
}

impl Words {
    pub fn of(language: Language) -> &'static Words {
        match language {
            Language::English => &ENGLISH,
            Language::Spanish => &SPANISH,
            Language::French => &FRENCH,
        }
    }
}

const ENGLISH: Words = Words {
    title_fault: "Error: ",
    your_institution: "your institution",
    choose_heading: "Choose a new password",
    choose_intro: "Once it is saved you are signed out everywhere, and sign in again with the new password.",
    password: "New password",
    password_again: "New password again",
    hint: "At least {n} characters. Several unrelated words make a good one.",
    save: "Save new password",
    mismatch: "The two passwords are not the same. Please type both again.",
    too_short: "This password is too short. Use at least {n} characters.",
    too_long: "This password is too long. Use at most 128 characters.",
    too_common: "This password is on lists of common or leaked passwords. Choose one that nobody else uses.",
    too_guessable: "This password is too easy to guess. Several unrelated words make a good one.",
    contains_personal: "The password must not contain your name, your e-mail address or the institution’s name.",
    done_heading: "Your password has been changed",
    done: &[
        "You have been signed out everywhere.",
        "You can now sign in to {institution} with your new password, and close this page.",
        "If your access was locked, {institution} may still have to unlock it.",
    ],
    over_heading: "This link no longer works",
    over: &[
        "It has been used, replaced by a newer one, or has expired.",
        "If you asked for more than one link, use the one in the newest message. Otherwise ask for a new link in the app, or from {institution}.",
    ],
    unknown_heading: "We do not know this link",
    unknown: &[
        "Please check that the whole address was copied: some mail programs break long links in two.",
        "If it still does not work, ask for a new link in the app, or from {institution}.",
    ],
    barred_heading: "You cannot choose a password at the moment",
    barred: &["Please contact {institution}; they can tell you what to do."],
    busy_heading: "Please try again in a moment",
    busy: &["We cannot save anything right now. Your password has not been changed, and your link still works."],
    broken_heading: "Something went wrong on our side",
    broken: &["Please try again later. If it happens again, tell {institution}."],
    unread_heading: "We could not read the form",
    unread: &["Please open the link in your message again, and fill in the form there."],
};

const SPANISH: Words = Words {
    title_fault: "Error: ",
    your_institution: "su entidad",
    choose_heading: "Elija una contraseña nueva",
    choose_intro: "Al guardarla se cerrarán todas sus sesiones; después podrá entrar con la contraseña nueva.",
    password: "Contraseña nueva",
    password_again: "Repita la contraseña nueva",
    hint: "Al menos {n} caracteres. Varias palabras sin relación entre sí forman una buena contraseña.",
    save: "Guardar la contraseña nueva",
    mismatch: "Las dos contraseñas no coinciden. Escríbalas de nuevo.",
    too_short: "Esta contraseña es demasiado corta. Use al menos {n} caracteres.",
    too_long: "Esta contraseña es demasiado larga. Use 128 caracteres como máximo.",
    too_common: "Esta contraseña figura en listas de contraseñas comunes o filtradas. Elija una que nadie más use.",
    too_guessable: "Esta contraseña es demasiado fácil de adivinar. Varias palabras sin relación entre sí forman una buena contraseña.",
    contains_personal: "La contraseña no debe contener su nombre, su dirección de correo ni el nombre de la entidad.",
    done_heading: "Su contraseña ha cambiado",
    done: &[
        "Se han cerrado todas sus sesiones.",
        "Ya puede entrar en {institution} con la contraseña nueva y cerrar esta página.",
        "Si su acceso estaba bloqueado, es posible que {institution} todavía tenga que desbloquearlo.",
    ],
    over_heading: "Este enlace ya no es válido",
    over: &[
        "Ya se ha usado, lo ha sustituido uno más reciente o ha caducado.",
        "Si pidió más de un enlace, use el del mensaje más reciente. Si no, pida uno nuevo en la aplicación o a {institution}.",
    ],
    unknown_heading: "No conocemos este enlace",
    unknown: &[
        "Compruebe que ha copiado la dirección completa: algunos programas de correo parten los enlaces largos.",
        "Si sigue sin funcionar, pida un enlace nuevo en la aplicación o a {institution}.",
    ],
    barred_heading: "Ahora no puede elegir una contraseña",
    barred: &["Póngase en contacto con {institution}; allí le dirán qué puede hacer."],
    busy_heading: "Inténtelo de nuevo en un momento",
    busy: &["Ahora mismo no podemos guardar nada. Su contraseña no ha cambiado y el enlace sigue siendo válido."],
    broken_heading: "Algo ha fallado por nuestra parte",
    broken: &["Inténtelo de nuevo más tarde. Si vuelve a ocurrir, comuníqueselo a {institution}."],
    unread_heading: "No hemos podido leer el formulario",
    unread: &["Abra de nuevo el enlace de su mensaje y rellene allí el formulario."],
};

const FRENCH: Words = Words {
    title_fault: "Erreur : ",
    your_institution: "votre établissement",
    choose_heading: "Choisissez un nouveau mot de passe",
    choose_intro: "Une fois enregistré, toutes vos sessions seront fermées et vous vous connecterez avec le nouveau mot de passe.",
    password: "Nouveau mot de passe",
    password_again: "Nouveau mot de passe, encore une fois",
    hint: "Au moins {n} caractères. Plusieurs mots sans rapport entre eux font un bon mot de passe.",
    save: "Enregistrer le mot de passe",
    mismatch: "Les deux mots de passe ne sont pas identiques. Veuillez les saisir à nouveau.",
    too_short: "Ce mot de passe est trop court. Utilisez au moins {n} caractères.",
    too_long: "Ce mot de passe est trop long. Utilisez au plus 128 caractères.",
    too_common: "Ce mot de passe figure sur des listes de mots de passe courants ou divulgués. Choisissez-en un que personne d’autre n’utilise.",
    too_guessable: "Ce mot de passe est trop facile à deviner. Plusieurs mots sans rapport entre eux font un bon mot de passe.",
    contains_personal: "Le mot de passe ne doit contenir ni votre nom, ni votre adresse e-mail, ni le nom de l’établissement.",
    done_heading: "Votre mot de passe a été modifié",
    done: &[
        "Toutes vos sessions ont été fermées.",
        "Vous pouvez maintenant vous connecter à {institution} avec le nouveau mot de passe et fermer cette page.",
        "Si votre accès était bloqué, il se peut que {institution} doive encore le débloquer.",
    ],
    over_heading: "Ce lien n’est plus valable",
    over: &[
        "Il a déjà servi, a été remplacé par un plus récent ou a expiré.",
        "Si vous avez demandé plusieurs liens, utilisez celui du message le plus récent. Sinon, demandez un nouveau lien dans l’application ou à {institution}.",
    ],
    unknown_heading: "Nous ne connaissons pas ce lien",
    unknown: &[
        "Vérifiez que l’adresse a été copiée en entier : certains logiciels de messagerie coupent les liens trop longs.",
        "S’il ne fonctionne toujours pas, demandez un nouveau lien dans l’application ou à {institution}.",
    ],
    barred_heading: "Vous ne pouvez pas choisir de mot de passe pour le moment",
    barred: &["Veuillez contacter {institution}, qui vous dira que faire."],
    busy_heading: "Veuillez réessayer dans un instant",
    busy: &[
        "Nous ne pouvons rien enregistrer pour le moment. Votre mot de passe n’a pas changé et votre lien reste valable.",
    ],
    broken_heading: "Une erreur s’est produite de notre côté",
    broken: &["Veuillez réessayer plus tard. Si cela se reproduit, signalez-le à {institution}."],
    unread_heading: "Nous n’avons pas pu lire le formulaire",
    unread: &["Ouvrez à nouveau le lien de votre message et remplissez le formulaire qui s’y trouve."],
};
